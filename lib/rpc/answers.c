#include "rpc/answers.h"

#include <assert.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rpc/core.h"

enum { NOTHING, ANSWERED, READ }; /* what a waiter is told */

void rpc_answers_init(struct rpc_answers *answers)
{
    *answers = (struct rpc_answers){.queue = grpc_completion_queue_create_for_next(NULL)};
    pthread_mutex_init(&answers->lock, NULL);
}

void rpc_answers_done(struct rpc_answers *answers)
{
    assert(answers->sleeping == NULL && !atomic_load(&answers->are_read));
    grpc_completion_queue_shutdown(answers->queue);
    rpc_poll(answers->queue);
    grpc_completion_queue_destroy(answers->queue);
    pthread_mutex_destroy(&answers->lock);
}

static void sleep_until_told(struct rpc_waiter *waiter)
{
    while (__atomic_load_n(&waiter->told, __ATOMIC_ACQUIRE) == NOTHING)
        syscall(SYS_futex, &waiter->told, FUTEX_WAIT_PRIVATE, NOTHING, NULL, NULL, 0);
}

/* Lock held. */
static void enlist(struct rpc_answers *answers, struct rpc_waiter *waiter)
{
    waiter->sleeps = true;
    waiter->next = answers->sleeping;
    if (waiter->next != NULL)
        waiter->next->previous = waiter;
    answers->sleeping = waiter;
}

/* Lock held. */
static void unlist(struct rpc_answers *answers, struct rpc_waiter *waiter)
{
    if (waiter->next != NULL)
        waiter->next->previous = waiter->previous;
    if (waiter->previous != NULL)
        waiter->previous->next = waiter->next;
    else
        answers->sleeping = waiter->next;
}

/* Takes the lock, and leaves it. What is told last is done last: a waiter that knows is gone, and
 * then only its address is used. */
static void tell(struct rpc_answers *answers, struct rpc_waiter *waiter, int what)
{
    const bool sleeps = waiter->sleeps;
    if (sleeps)
        unlist(answers, waiter);
    __atomic_store_n(&waiter->told, what, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&answers->lock);
    if (sleeps)
        syscall(SYS_futex, &waiter->told, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Reads until the answer to `mine` has come; then the last to come goes on, as its answer is the
 * farthest away. */
static void read_for_all(struct rpc_answers *answers, const struct rpc_waiter *mine)
{
    const gpr_timespec never = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    for (;;) {
        struct rpc_waiter *waiter = rpc_next_event(answers->queue, never).tag;
        pthread_mutex_lock(&answers->lock);
        if (waiter == mine)
            break;
        tell(answers, waiter, ANSWERED);
    }
    if (answers->sleeping != NULL) {
        tell(answers, answers->sleeping, READ);
        return;
    }
    atomic_store_explicit(&answers->are_read, false, memory_order_relaxed);
    pthread_mutex_unlock(&answers->lock);
}

void rpc_answers_wait(struct rpc_answers *answers, struct rpc_waiter *waiter)
{
    pthread_mutex_lock(&answers->lock);
    if (waiter->told == NOTHING) {
        const bool others = atomic_load_explicit(&answers->are_read, memory_order_relaxed);
        if (others)
            enlist(answers, waiter);
        atomic_store_explicit(&answers->are_read, true, memory_order_relaxed);
        pthread_mutex_unlock(&answers->lock);
        if (others)
            sleep_until_told(waiter);
        if (!others || waiter->told == READ)
            read_for_all(answers, waiter);
        return;
    }
    pthread_mutex_unlock(&answers->lock);
}
