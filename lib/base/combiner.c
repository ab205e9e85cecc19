#include "base/combiner.h"

#include <assert.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 *  QUEUED --leader takes it--> TAKEN --batch ran--> DONE
 *     |  \--lane handed on---> LEADING (takes itself and runs the next batch)
 *     |------deadline--------> (leaves the queue)
 *     \------close-----------> REFUSED
 *
 * Moves happen under the lane's lock, but for TAKEN -> DONE, which only the leader makes.
 */
enum state { QUEUED, TAKEN, LEADING, DONE, REFUSED };

struct lane {
    pthread_mutex_t lock;
    struct combiner_op *head, **tail;
    size_t waiting;
    uint64_t arrivals;
    bool busy; /* someone leads, or was told to */
    bool closed;
    uint64_t batches, operations, largest_batch, refused;
    size_t index;
} __attribute__((aligned(128)));

struct combiner {
    struct combiner_options options;
    struct lane lanes[];
};

static int load_state(struct combiner_op *op)
{
    return __atomic_load_n(&op->state, __ATOMIC_ACQUIRE);
}

static void store_state(struct combiner_op *op, enum state state)
{
    __atomic_store_n(&op->state, (int)state, __ATOMIC_RELEASE);
}

/* After DONE the op's stack may be gone already: waking a stale address is harmless, as every futex
 * waiter looks again. */
static void wake(int *state)
{
    syscall(SYS_futex, state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Waits while state is `current`; false when the deadline came first. */
static bool wait_while(struct combiner_op *op, enum state current, int64_t deadline_us)
{
    const struct timespec until = {.tv_sec = deadline_us / 1000000,
                                   .tv_nsec = deadline_us % 1000000 * 1000};
    const struct timespec *timeout = deadline_us == CTX_NO_DEADLINE ? NULL : &until;
    while (load_state(op) == (int)current) {
        /* WAIT_BITSET takes an absolute time on CLOCK_MONOTONIC, the clock of deadlines. */
        const long failed = syscall(SYS_futex, &op->state, FUTEX_WAIT_BITSET_PRIVATE, (int)current,
                                    timeout, NULL, FUTEX_BITSET_MATCH_ANY);
        if (failed != 0 && errno == ETIMEDOUT)
            return load_state(op) != (int)current;
    }
    return true;
}

struct combiner *combiner_new(const struct combiner_options *options)
{
    assert(options->lanes >= 1 && options->lanes <= COMBINER_LANES_MAX);
    assert(options->batch_max >= 1 && options->batch_max <= COMBINER_BATCH_MAX);
    assert(options->queue_max >= 1 && options->run != NULL);

    const size_t size = sizeof(struct combiner) + options->lanes * sizeof(struct lane);
    const size_t aligned = (size + 127) / 128 * 128;
    struct combiner *combiner = aligned_alloc(128, aligned);
    if (combiner == NULL)
        abort();
    combiner->options = *options;
    for (size_t i = 0; i < options->lanes; i++) {
        struct lane *lane = &combiner->lanes[i];
        *lane = (struct lane){.index = i};
        pthread_mutex_init(&lane->lock, NULL);
        lane->tail = &lane->head;
    }
    return combiner;
}

void combiner_free(struct combiner **combiner)
{
    if (*combiner == NULL)
        return;
    for (size_t i = 0; i < (*combiner)->options.lanes; i++) {
        assert((*combiner)->lanes[i].head == NULL);
        pthread_mutex_destroy(&(*combiner)->lanes[i].lock);
    }
    free(*combiner);
    *combiner = NULL;
}

static void append(struct lane *lane, struct combiner_op *op)
{
    op->next = NULL;
    op->arrival = lane->arrivals++;
    op->status = ST_INTERNAL;
    store_state(op, QUEUED);
    *lane->tail = op;
    lane->tail = &op->next;
    lane->waiting++;
}

static struct combiner_op *take_first(struct lane *lane)
{
    struct combiner_op *op = lane->head;
    lane->head = op->next;
    if (lane->head == NULL)
        lane->tail = &lane->head;
    lane->waiting--;
    return op;
}

static void remove_op(struct lane *lane, struct combiner_op *op)
{
    struct combiner_op **link = &lane->head;
    while (*link != op)
        link = &(*link)->next;
    *link = op->next;
    if (lane->tail == &op->next)
        lane->tail = link;
    lane->waiting--;
}

static int by_key_then_arrival(const void *left, const void *right)
{
    const struct combiner_op *a = *(struct combiner_op *const *)left;
    const struct combiner_op *b = *(struct combiner_op *const *)right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->arrival < b->arrival ? -1 : 1;
}

/* Lock held: takes what is queued, at most batch_max, in order of arrival. */
static size_t take_batch(struct lane *lane, size_t batch_max, struct combiner_op *ops[])
{
    size_t count = 0;
    while (lane->head != NULL && count < batch_max) {
        ops[count] = take_first(lane);
        store_state(ops[count], TAKEN);
        count++;
    }
    lane->batches++;
    lane->operations += count;
    if (count > lane->largest_batch)
        lane->largest_batch = count;
    return count;
}

/* Called with the lane's lock, by the op that leads and is queued; returns without the lock. */
static void lead(struct combiner *combiner, struct lane *lane, struct combiner_op *own)
{
    struct combiner_op *ops[COMBINER_BATCH_MAX];
    const size_t count = take_batch(lane, combiner->options.batch_max, ops);
    pthread_mutex_unlock(&lane->lock);

    qsort(ops, count, sizeof(struct combiner_op *), by_key_then_arrival);
    combiner->options.run(combiner->options.self, lane->index, ops, count);

    /* The lane goes on before the followers are woken: it is the scarce thing. */
    pthread_mutex_lock(&lane->lock);
    struct combiner_op *next = lane->head;
    if (next != NULL)
        store_state(next, LEADING);
    else
        lane->busy = false;
    if (next != NULL)
        wake(&next->state);
    pthread_mutex_unlock(&lane->lock);

    for (size_t i = 0; i < count; i++) {
        if (ops[i] == own)
            continue;
        int *state = &ops[i]->state;
        store_state(ops[i], DONE);
        wake(state);
    }
}

/* Lock held: whether the op may not queue at all. */
static enum status refusal(const struct combiner *combiner, struct lane *lane)
{
    if (lane->closed)
        return ST_UNAVAILABLE;
    if (lane->waiting >= combiner->options.queue_max) {
        lane->refused++;
        return ST_OVERLOADED;
    }
    return ST_OK;
}

/* Waits until the op was run by someone, was refused, or leads and has run itself. */
static enum status follow(struct combiner *combiner, struct lane *lane, struct ctx *ctx,
                          struct combiner_op *op)
{
    if (!wait_while(op, QUEUED, ctx->deadline_us)) {
        pthread_mutex_lock(&lane->lock);
        const bool gave_up = load_state(op) == QUEUED;
        if (gave_up)
            remove_op(lane, op);
        pthread_mutex_unlock(&lane->lock);
        if (gave_up)
            return ctx_fail(ctx, ST_TIMEOUT, "deadline while queued for a batch");
    }
    if (load_state(op) == LEADING) {
        pthread_mutex_lock(&lane->lock);
        if (load_state(op) == LEADING) {
            lead(combiner, lane, op);
            return op->status;
        }
        pthread_mutex_unlock(&lane->lock);
    }
    wait_while(op, TAKEN, CTX_NO_DEADLINE);
    if (load_state(op) == REFUSED)
        return ctx_fail(ctx, ST_UNAVAILABLE, "shutting down");
    return op->status;
}

enum status combiner_submit(struct combiner *combiner, struct ctx *ctx, struct combiner_op *op)
{
    struct lane *lane = &combiner->lanes[op->key % combiner->options.lanes];

    pthread_mutex_lock(&lane->lock);
    const enum status refused = refusal(combiner, lane);
    if (refused != ST_OK) {
        pthread_mutex_unlock(&lane->lock);
        return ctx_fail(ctx, refused,
                        refused == ST_OVERLOADED ? "batch queue full" : "shutting down");
    }
    append(lane, op);
    if (!lane->busy) {
        lane->busy = true;
        lead(combiner, lane, op);
        return op->status;
    }
    pthread_mutex_unlock(&lane->lock);
    return follow(combiner, lane, ctx, op);
}

void combiner_close(struct combiner *combiner)
{
    for (size_t i = 0; i < combiner->options.lanes; i++) {
        struct lane *lane = &combiner->lanes[i];
        pthread_mutex_lock(&lane->lock);
        lane->closed = true;
        while (lane->head != NULL) {
            struct combiner_op *op = take_first(lane);
            int *state = &op->state;
            store_state(op, REFUSED);
            wake(state);
        }
        pthread_mutex_unlock(&lane->lock);
    }
}

void combiner_read_stats(struct combiner *combiner, struct combiner_stats *ret_stats)
{
    struct combiner_stats sum = {0};
    for (size_t i = 0; i < combiner->options.lanes; i++) {
        struct lane *lane = &combiner->lanes[i];
        pthread_mutex_lock(&lane->lock);
        sum.batches += lane->batches;
        sum.operations += lane->operations;
        sum.refused += lane->refused;
        sum.waiting += lane->waiting;
        if (lane->largest_batch > sum.largest_batch)
            sum.largest_batch = lane->largest_batch;
        pthread_mutex_unlock(&lane->lock);
    }
    *ret_stats = sum;
}
