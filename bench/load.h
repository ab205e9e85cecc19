/* Many threads doing one thing for a while, counted. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One operation of one thread; `state` is the thread's own (from make). False: it does not count as
 * done. */
typedef bool load_run_fn(void *self, void *state, uint64_t round);
typedef void *load_make_fn(void *self, size_t thread);

enum { LOAD_WARM_UP_MS = 500 };

struct load {
    size_t threads;
    double seconds;     /* after the warm-up */
    load_make_fn *make; /* may be NULL */
    load_run_fn *run;
    void *self;
};

struct load_result {
    double per_second; /* operations done, in the measured time */
    uint64_t done, failed;
    uint64_t all; /* done and failed, with the warm-up: what the processor time was spent on */
};

void load_run(const struct load *load, struct load_result *ret_result);

/* "<per second> <all>" and a line's end: what run.sh reads. */
void load_print(const struct load_result *result);

/* A number below `limit`, from a generator of this thread. */
uint64_t load_random(uint64_t limit);

#endif
