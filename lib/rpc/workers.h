/* A bounded queue in front of a fixed pool of threads, each with an arena. */
#ifndef RPC_WORKERS_H
#define RPC_WORKERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct rpc_workers;

/* Runs one job on a worker; the arena is empty. */
typedef void rpc_job_fn(void *job, struct arena *arena);

struct rpc_workers *rpc_workers_start(size_t threads, size_t in_flight_max, size_t arena_size,
                                      rpc_job_fn *run);
/* False when in_flight_max jobs wait or run. Never blocks. */
bool rpc_workers_submit(struct rpc_workers *workers, void *job);
size_t rpc_workers_in_flight(struct rpc_workers *workers);
/* Runs what was submitted, joins, frees, sets NULL. */
void rpc_workers_stop(struct rpc_workers **workers);

#endif
