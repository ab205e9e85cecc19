#include "base/ticker.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"

enum { ARENA_SIZE = 1024 * 1024 };

struct ticker {
    struct ticker_options options;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken, stopping;
};

/* The interval, 10 % up or down, so that instances do not march in step. */
static int64_t jittered_us(int64_t interval_ms)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        abort();
    const int64_t spread_us = interval_ms * 200;
    return interval_ms * 900 + (int64_t)((uint64_t)spread_us * random / UINT32_MAX);
}

/* Sleeps until the next run; false when stopping. */
static bool rest(struct ticker *ticker)
{
    const int64_t until_us = clock_monotonic_us() + jittered_us(ticker->options.interval_ms);
    const struct timespec until = {.tv_sec = until_us / 1000000,
                                   .tv_nsec = until_us % 1000000 * 1000};

    pthread_mutex_lock(&ticker->lock);
    while (!ticker->woken && !ticker->stopping && clock_monotonic_us() < until_us)
        pthread_cond_timedwait(&ticker->changed, &ticker->lock, &until);
    ticker->woken = false;
    const bool go_on = !ticker->stopping;
    pthread_mutex_unlock(&ticker->lock);
    return go_on;
}

static void *run(void *self)
{
    struct ticker *ticker = self;
    void *block = malloc(ticker->options.arena_size);
    if (block == NULL)
        abort();
    do {
        struct arena arena;
        struct ctx ctx;
        arena_init(&arena, block, ticker->options.arena_size);
        ctx_init(&ctx, &arena);
        ctx_set_timeout_ms(&ctx, ticker->options.timeout_ms);
        ticker->options.run(&ctx, ticker->options.self);
    } while (rest(ticker));
    free(block);
    return NULL;
}

struct ticker *ticker_start(const struct ticker_options *options)
{
    assert(options->interval_ms >= 1 && options->timeout_ms >= 1 && options->run != NULL);
    struct ticker *ticker = calloc(1, sizeof *ticker);
    if (ticker == NULL)
        abort();
    ticker->options = *options;
    if (ticker->options.arena_size == 0)
        ticker->options.arena_size = ARENA_SIZE;

    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&ticker->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&ticker->lock, NULL);

    if (pthread_create(&ticker->thread, NULL, run, ticker) != 0)
        abort();
    pthread_setname_np(ticker->thread, options->name);
    return ticker;
}

void ticker_wake(struct ticker *ticker)
{
    pthread_mutex_lock(&ticker->lock);
    ticker->woken = true;
    pthread_cond_signal(&ticker->changed);
    pthread_mutex_unlock(&ticker->lock);
}

void ticker_stop(struct ticker **ticker)
{
    if (*ticker == NULL)
        return;
    pthread_mutex_lock(&(*ticker)->lock);
    (*ticker)->stopping = true;
    pthread_cond_signal(&(*ticker)->changed);
    pthread_mutex_unlock(&(*ticker)->lock);
    pthread_join((*ticker)->thread, NULL);
    pthread_cond_destroy(&(*ticker)->changed);
    pthread_mutex_destroy(&(*ticker)->lock);
    free(*ticker);
    *ticker = NULL;
}
