#include "load.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "base/workers.h"

struct runner {
    const struct load *load;
    size_t thread;
    _Atomic bool *measuring, *stopping;
    uint64_t done, failed, all;
};

uint64_t load_random(uint64_t limit)
{
    static _Thread_local uint64_t state;
    if (state == 0) {
        struct uuid seed;
        uuid_v4(&seed);
        state = base_hash64(seed.text) | 1;
    }
    /* xorshift64 (Marsaglia, 2003) */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % limit;
}

static void *run(void *self)
{
    struct runner *runner = self;
    const struct load *load = runner->load;
    base_yield_to_waker(); /* as the workers who make such calls */
    void *state = load->make == NULL ? NULL : load->make(load->self, runner->thread);
    for (uint64_t round = 0; !atomic_load(runner->stopping); round++) {
        const bool counts = atomic_load(runner->measuring);
        const bool good = load->run(load->self, state, round);
        runner->done += counts && good;
        runner->failed += counts && !good;
        runner->all++;
    }
    return NULL;
}

static void wait_s(double seconds)
{
    const struct timespec span = {.tv_sec = (time_t)seconds,
                                  .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&span, NULL);
}

void load_run(const struct load *load, struct load_result *ret_result)
{
    _Atomic bool measuring = false, stopping = false;
    struct runner *runners = calloc(load->threads, sizeof *runners);
    pthread_t *threads = calloc(load->threads, sizeof *threads);
    if (runners == NULL || threads == NULL)
        abort();
    for (size_t i = 0; i < load->threads; i++) {
        runners[i] = (struct runner){
            .load = load, .thread = i, .measuring = &measuring, .stopping = &stopping};
        if (pthread_create(&threads[i], NULL, run, &runners[i]) != 0)
            abort();
    }
    wait_s(LOAD_WARM_UP_MS / 1e3);
    const int64_t start_us = clock_monotonic_us();
    atomic_store(&measuring, true);
    wait_s(load->seconds);
    atomic_store(&measuring, false);
    const double elapsed_s = (double)(clock_monotonic_us() - start_us) / 1e6;
    atomic_store(&stopping, true);

    struct load_result result = {0};
    for (size_t i = 0; i < load->threads; i++) {
        pthread_join(threads[i], NULL);
        result.done += runners[i].done;
        result.failed += runners[i].failed;
        result.all += runners[i].all;
    }
    result.per_second = (double)result.done / elapsed_s;
    free(runners);
    free(threads);
    *ret_result = result;
}

void load_print(const struct load_result *result)
{
    printf("%.0f %llu\n", result->per_second, (unsigned long long)result->all);
}
