#include "base/workers.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Idle workers stand on a stack, so that the one whose memory is warmest goes first. A wake-up is a
 * system call and two switches of threads, as dear as a short job, so at most one worker is being
 * woken at a time: it takes the oldest job, and wakes the next worker if there is still one queued.
 * While it is on its way a busy worker may take the job first, which is just as well. */
struct worker {
    struct workers *workers;
    pthread_t thread;
    int called; /* futex: 1 tells it to look at the queue */
    struct worker *below;
};

struct workers {
    pthread_mutex_t lock;
    void **queue; /* ring of in_flight_max */
    size_t first, queued, in_flight, in_flight_max;
    struct worker *idle; /* top of the stack */
    bool waking, stopping;
    workers_run_fn *run;
    size_t arena_size, thread_count;
    struct worker threads[];
};

void base_yield_to_waker(void)
{
    /* Needs no right; where it is refused only speed is lost. */
    const struct sched_param normal = {0};
    (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &normal);
}

static void call(struct worker *worker)
{
    if (worker == NULL)
        return;
    __atomic_store_n(&worker->called, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, &worker->called, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void wait_for_call(struct worker *worker)
{
    while (__atomic_load_n(&worker->called, __ATOMIC_ACQUIRE) == 0)
        syscall(SYS_futex, &worker->called, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    __atomic_store_n(&worker->called, 0, __ATOMIC_RELAXED);
}

/* Lock held: whom to call for what is queued, NULL when nobody. */
static struct worker *whom_to_call(struct workers *workers)
{
    if (workers->queued == 0 || workers->waking || workers->idle == NULL)
        return NULL;
    struct worker *worker = workers->idle;
    workers->idle = worker->below;
    workers->waking = true;
    return worker;
}

/* Lock held, queue not empty. */
static void *take_job(struct workers *workers)
{
    void *job = workers->queue[workers->first];
    workers->first = (workers->first + 1) % workers->in_flight_max;
    workers->queued--;
    return job;
}

/* The next job, NULL when there will be no more; `finished` ends the one before. */
static void *next_job(struct worker *worker, bool finished)
{
    struct workers *workers = worker->workers;
    pthread_mutex_lock(&workers->lock);
    workers->in_flight -= finished;
    while (workers->queued == 0 && !workers->stopping) {
        worker->below = workers->idle;
        workers->idle = worker;
        pthread_mutex_unlock(&workers->lock);
        wait_for_call(worker);
        pthread_mutex_lock(&workers->lock);
        workers->waking = false;
    }
    void *job = workers->queued == 0 ? NULL : take_job(workers);
    struct worker *next = whom_to_call(workers);
    pthread_mutex_unlock(&workers->lock);
    call(next);
    return job;
}

static void *work(void *self)
{
    struct worker *worker = self;
    struct workers *workers = worker->workers;
    struct arena arena;
    void *block = malloc(workers->arena_size);
    if (block == NULL)
        abort();
    base_yield_to_waker();
    arena_init(&arena, block, workers->arena_size);
    for (void *job = next_job(worker, false); job != NULL; job = next_job(worker, true)) {
        arena_reset(&arena);
        workers->run(job, &arena);
    }
    free(block);
    return NULL;
}

struct workers *workers_start(size_t threads, size_t in_flight_max, size_t arena_size,
                              workers_run_fn *run)
{
    struct workers *workers = calloc(1, sizeof *workers + threads * sizeof(struct worker));
    if (workers == NULL)
        abort();
    workers->queue = calloc(in_flight_max, sizeof *workers->queue);
    if (workers->queue == NULL)
        abort();
    workers->in_flight_max = in_flight_max;
    workers->arena_size = arena_size;
    workers->run = run;
    workers->thread_count = threads;
    pthread_mutex_init(&workers->lock, NULL);
    for (size_t i = 0; i < threads; i++) {
        struct worker *worker = &workers->threads[i];
        worker->workers = workers;
        if (pthread_create(&worker->thread, NULL, work, worker) != 0)
            abort();
        pthread_setname_np(worker->thread, "worker");
    }
    return workers;
}

bool workers_submit(struct workers *workers, void *job)
{
    pthread_mutex_lock(&workers->lock);
    const bool room = workers->in_flight < workers->in_flight_max;
    if (room) {
        workers->queue[(workers->first + workers->queued) % workers->in_flight_max] = job;
        workers->queued++;
        workers->in_flight++;
    }
    struct worker *worker = whom_to_call(workers);
    pthread_mutex_unlock(&workers->lock);
    call(worker);
    return room;
}

size_t workers_in_flight(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    const size_t in_flight = workers->in_flight;
    pthread_mutex_unlock(&workers->lock);
    return in_flight;
}

void workers_stop(struct workers **workers)
{
    struct workers *old = *workers;
    if (old == NULL)
        return;
    pthread_mutex_lock(&old->lock);
    old->stopping = true;
    struct worker *idle = old->idle;
    old->idle = NULL;
    pthread_mutex_unlock(&old->lock);
    while (idle != NULL) {
        struct worker *below = idle->below;
        call(idle);
        idle = below;
    }
    for (size_t i = 0; i < old->thread_count; i++)
        pthread_join(old->threads[i].thread, NULL);
    pthread_mutex_destroy(&old->lock);
    free(old->queue);
    free(old);
    *workers = NULL;
}
