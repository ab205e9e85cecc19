/* A bounded queue in front of a fixed pool of threads, each with an arena. */
#ifndef BASE_WORKERS_H
#define BASE_WORKERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct workers;

/* Runs one job on a worker; the arena is empty. */
typedef void workers_run_fn(void *job, struct arena *arena);

struct workers *workers_start(size_t threads, size_t in_flight_max, size_t arena_size,
                              workers_run_fn *run);
/* False when in_flight_max jobs wait or run. Never blocks. */
bool workers_submit(struct workers *workers, void *job);
size_t workers_in_flight(struct workers *workers);
/* Runs what was submitted, joins, frees, sets NULL. */
void workers_stop(struct workers **workers);

/* For a thread that is woken for each small piece of work (workers do it themselves, pollers call
 * it): it does not push its waker off the processor, which would cut batches into single pieces. It
 * still gets its fair share. SCHED_BATCH of sched(7). */
void base_yield_to_waker(void);

#endif
