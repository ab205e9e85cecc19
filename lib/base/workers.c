#include "base/workers.h"

#include <pthread.h>
#include <stdlib.h>

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t work;
    void **queue; /* ring of in_flight_max */
    size_t first, queued, in_flight, in_flight_max;
    bool stopping;
    workers_run_fn *run;
    size_t arena_size, thread_count;
    pthread_t threads[];
};

/* The next job, NULL when there will be no more. */
static void *next_job(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    while (workers->queued == 0 && !workers->stopping)
        pthread_cond_wait(&workers->work, &workers->lock);
    void *job = NULL;
    if (workers->queued > 0) {
        job = workers->queue[workers->first];
        workers->first = (workers->first + 1) % workers->in_flight_max;
        workers->queued--;
    }
    pthread_mutex_unlock(&workers->lock);
    return job;
}

static void *work(void *self)
{
    struct workers *workers = self;
    struct arena arena;
    void *block = malloc(workers->arena_size);
    if (block == NULL)
        abort();
    arena_init(&arena, block, workers->arena_size);
    for (void *job = next_job(workers); job != NULL; job = next_job(workers)) {
        arena_reset(&arena);
        workers->run(job, &arena);
        pthread_mutex_lock(&workers->lock);
        workers->in_flight--;
        pthread_mutex_unlock(&workers->lock);
    }
    free(block);
    return NULL;
}

struct workers *workers_start(size_t threads, size_t in_flight_max, size_t arena_size,
                              workers_run_fn *run)
{
    struct workers *workers = calloc(1, sizeof *workers + threads * sizeof(pthread_t));
    if (workers == NULL)
        abort();
    workers->queue = calloc(in_flight_max, sizeof *workers->queue);
    if (workers->queue == NULL)
        abort();
    workers->in_flight_max = in_flight_max;
    workers->arena_size = arena_size;
    workers->run = run;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->work, NULL);
    for (size_t i = 0; i < threads; i++) {
        if (pthread_create(&workers->threads[i], NULL, work, workers) != 0)
            abort();
        pthread_setname_np(workers->threads[i], "worker");
        workers->thread_count++;
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
        pthread_cond_signal(&workers->work);
    }
    pthread_mutex_unlock(&workers->lock);
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
    pthread_cond_broadcast(&old->work);
    pthread_mutex_unlock(&old->lock);
    for (size_t i = 0; i < old->thread_count; i++)
        pthread_join(old->threads[i], NULL);
    pthread_cond_destroy(&old->work);
    pthread_mutex_destroy(&old->lock);
    free(old->queue);
    free(old);
    *workers = NULL;
}
