/* Natural batching (group commit): callers queue an operation and one of them, the leader, runs
 * everything queued as ONE batch on a free lane, hands out the results, and passes the lane on. No
 * timer and no thread of its own: an idle system runs batches of one at once, a busy one grows them
 * by itself.
 *
 *     caller A --submit--> [queue of its lane] --A leads--> run({A})           -> A returns
 *     caller B --submit--> [  B          ]       while A runs
 *     caller C --submit--> [  B, C       ] --A ends, B leads--> run({B, C})    -> B and C return
 *
 * A lane is one connection. An operation's key chooses its lane (key % lanes), so one key's
 * operations never run side by side in this process, and a batch is handed over in ascending key
 * order (first come first within a key), so batches that lock by key cannot deadlock with each
 * other, nor with those of other instances.
 */
#ifndef BASE_COMBINER_H
#define BASE_COMBINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"

struct combiner;

/* One operation: embed it first in the caller's own request struct, which lives on the caller's
 * stack. */
struct combiner_op {
    uint64_t key;
    enum status status; /* the result; the runner must set it for every op of the batch */
    /* The combiner's own. */
    struct combiner_op *next;
    uint64_t arrival;
    int state;
};

/* Runs a batch of 1..batch_max operations on a lane and sets every op's status. Called on the
 * leader's thread, never for one lane twice at a time. It must bound its own time: followers wait
 * for it. */
typedef void combiner_run_fn(void *self, size_t lane, struct combiner_op *const ops[],
                             size_t count);

struct combiner_options {
    size_t lanes;     /* 1..COMBINER_LANES_MAX */
    size_t batch_max; /* 1..COMBINER_BATCH_MAX operations in one run */
    size_t queue_max; /* operations waiting on one lane; more are refused with ST_OVERLOADED */
    combiner_run_fn *run;
    void *self; /* borrowed, passed to run */
};

enum { COMBINER_LANES_MAX = 64, COMBINER_BATCH_MAX = 1024 };

/* Never fails for valid options (asserted). Free after the last submit has returned. */
struct combiner *combiner_new(const struct combiner_options *options);
void combiner_free(struct combiner **combiner);

/* Runs op in some batch and returns its status. Blocks until then, at most until ctx's deadline:
 * ST_TIMEOUT when it was still queued then (it has not run and never will); once it is in a batch
 * the caller waits for the batch. ST_OVERLOADED when the lane's queue is full, ST_UNAVAILABLE after
 * combiner_close. None of these three has run the op. */
enum status combiner_submit(struct combiner *combiner, struct ctx *ctx,
                            struct combiner_op *op) MUST_CHECK;

/* Refuses whatever is queued and whatever comes; batches that run end normally. Safe to repeat. */
void combiner_close(struct combiner *combiner);

struct combiner_stats {
    uint64_t batches;
    uint64_t operations;
    uint64_t largest_batch;
    uint64_t refused;
    size_t waiting;
};
void combiner_read_stats(struct combiner *combiner, struct combiner_stats *ret_stats);

#endif
