/* The same echo over the bare C core: what lib/rpc is measured against. */
#ifndef BENCH_RPC_CORE_H
#define BENCH_RPC_CORE_H

#include "load.h"

/* Serves until the process is ended; prints the port. One poller answers in place. */
void core_serve(void);
/* `in_flight` calls at a time from one thread for `seconds`. */
void core_load(int port, int in_flight, double seconds, struct load_result *ret_result);
/* The same calls as a program makes them that waits for each: one at a time from each thread. */
void core_load_blocking(int port, size_t threads, double seconds, struct load_result *ret_result);

#endif
