#include "limiter.h"

#include <pthread.h>
#include <stdlib.h>

enum { STRIPES = 64 };

struct bucket {
    uint64_t key;
    int64_t level_us; /* tokens, each worth 1 s / rate */
    int64_t filled_us;
};

struct limiter {
    int64_t rate;
    pthread_mutex_t locks[STRIPES];
    struct bucket buckets[LIMITER_KEYS];
};

struct limiter *limiter_new(int64_t rate)
{
    struct limiter *limiter = calloc(1, sizeof *limiter);
    if (limiter == NULL)
        abort();
    limiter->rate = rate;
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_init(&limiter->locks[i], NULL);
    return limiter;
}

void limiter_free(struct limiter **limiter)
{
    if (*limiter == NULL)
        return;
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_destroy(&(*limiter)->locks[i]);
    free(*limiter);
    *limiter = NULL;
}

bool limiter_take(struct limiter *limiter, uint64_t key, int64_t now_us)
{
    struct limiter_quota quota;
    return limiter_take_of(limiter, key, now_us, &quota);
}

bool limiter_take_of(struct limiter *limiter, uint64_t key, int64_t now_us,
                     struct limiter_quota *ret_quota)
{
    *ret_quota = (struct limiter_quota){0};
    if (limiter->rate == 0)
        return true;
    const int64_t full_us = LIMITER_FULL_S * INT64_C(1000000);
    const int64_t cost_us = 1000000 / limiter->rate > 0 ? 1000000 / limiter->rate : 1;
    const uint64_t place = key % LIMITER_KEYS;
    struct bucket *bucket = &limiter->buckets[place];
    pthread_mutex_t *lock = &limiter->locks[place % STRIPES];

    pthread_mutex_lock(lock);
    if (bucket->key != key || bucket->filled_us == 0)
        *bucket = (struct bucket){.key = key, .level_us = full_us, .filled_us = now_us};
    if (now_us > bucket->filled_us) {
        bucket->level_us += now_us - bucket->filled_us;
        bucket->filled_us = now_us;
    }
    if (bucket->level_us > full_us)
        bucket->level_us = full_us;
    const bool granted = bucket->level_us >= cost_us;
    if (granted)
        bucket->level_us -= cost_us;
    *ret_quota = (struct limiter_quota){.burst = full_us / cost_us,
                                        .remaining = bucket->level_us / cost_us,
                                        .fill_us = full_us - bucket->level_us};
    pthread_mutex_unlock(lock);
    return granted;
}
