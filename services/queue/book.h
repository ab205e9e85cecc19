/* Keeps Redis and PostgreSQL in step: makes a line when there is none (the queue is new, or Redis
 * was wiped), reserves sequence numbers, records the admission log, brings back places from before
 * a loss. The inside of store.h. */
#ifndef QUEUE_BOOK_H
#define QUEUE_BOOK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "kv/kv.h"
#include "line.h"
#include "store.h"

/* Sequence numbers reserved at a time. A loss of Redis skips at most so many. */
enum { BOOK_BLOCK = 10000 };

enum { LINE_KEYS = 8, LINE_KEY_MAX = LINE_NAME_MAX + 24 };

/* Work that one thread does at a time and others wait for, at most until their deadline. */
struct turn {
    pthread_mutex_t mutex;
    pthread_cond_t given_back;
    bool is_taken;
};

/* One queue that this instance knows. Never removed, so a pointer to it stays good. */
struct queue {
    char name[LINE_NAME_MAX + 1];
    uint64_t hash;
    char key_texts[LINE_KEYS][LINE_KEY_MAX];
    const char *keys[LINE_KEYS];

    struct turn open_turn; /* one thread makes the line or reserves numbers */
    int64_t seq_end;       /* as last reserved by this instance */

    struct turn log_turn; /* one thread records the log */
    int64_t logged_epoch; /* everything up to this entry of this epoch */
    int64_t logged_entry; /* is in PostgreSQL */

    pthread_mutex_t figures_mutex;
    struct line_figures figures;
    int64_t figures_at_us; /* 0: never read */
    int64_t waiting_noted; /* as last written to PostgreSQL, -1: never */
    int64_t idle_until_us; /* an empty line is not ticked before */
    bool settings_applied; /* the settings, or the operator's policy, were put in force by this
                              process */
};

struct queue_store {
    struct kv *kv;
    struct db *db;
    struct policy settings;
    pthread_mutex_t mutex; /* guards the table's growth */
    size_t queue_count;
    struct queue *queues[QUEUES_MAX];
    int64_t listed_at_us; /* when PostgreSQL was last asked which queues there are */
};

void book_free_queue(struct queue **queue);

/* The queue of that name, known from now on; ST_OVERLOADED when there are QUEUES_MAX others. */
enum status book_find_queue(struct ctx *ctx, struct queue_store *store, const char *name,
                            struct queue **ret_queue) MUST_CHECK;

/* Runs line.lua's operation args[0]; makes the line first when there is none. The reply begins with
 * "OK" or "BLOCK". */
enum status book_run(struct ctx *ctx, struct queue_store *store, struct queue *queue,
                     const char *const args[], size_t arg_count,
                     struct kv_reply *ret_reply) MUST_CHECK;

/* Reserves more sequence numbers unless someone has since `seq_end` was the last one. */
enum status book_extend(struct ctx *ctx, struct queue_store *store, struct queue *queue,
                        int64_t seq_end) MUST_CHECK;

/* Returns when the log up to that entry of that epoch is in PostgreSQL; callers share the work.
 * ST_UNAVAILABLE when the epoch is over: the entry was lost with Redis before it was recorded. */
enum status book_settle(struct ctx *ctx, struct queue_store *store, struct queue *queue,
                        int64_t epoch, int64_t entry) MUST_CHECK;
/* Records whatever is in the log now. */
enum status book_settle_all(struct ctx *ctx, struct queue_store *store,
                            struct queue *queue) MUST_CHECK;

/* Brings places from before a loss of Redis back as the log has them: active ones active, waiting
 * ones into the line by their old sequence. Sets the status of those that had ended to EXPIRED; the
 * others are to be looked at again. */
enum status book_recover(struct ctx *ctx, struct queue_store *store, struct queue *queue,
                         struct place *const places[], size_t count) MUST_CHECK;

/* The seven values of a policy, as line.lua takes them. */
enum { POLICY_ARGS = 7 };
enum status book_policy_args(struct ctx *ctx, const struct policy *policy,
                             const char *ret_args[static POLICY_ARGS]) MUST_CHECK;

#endif
