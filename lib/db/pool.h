/* The inside of struct db, shared by db.c (batches) and transaction.c. */
#ifndef DB_POOL_H
#define DB_POOL_H

#include <pthread.h>

#include "base/combiner.h"
#include "db/connection.h"
#include "db/db.h"
#include "metrics/metrics.h"

struct db_batch; /* a batch being run, one a lane */

struct db_tx {
    struct db *db;
    struct db_connection connection;
    bool in_use;  /* under the pool's lock */
    bool is_open; /* BEGIN was answered, COMMIT or ROLLBACK was not sent */
};

struct db {
    struct db_options options;
    char *url, *application_name; /* owned copies behind options */
    struct combiner *writes, *reads;
    struct db_connection write_lanes[COMBINER_LANES_MAX];
    struct db_connection read_lanes[COMBINER_LANES_MAX];
    struct db_batch *write_batches[COMBINER_LANES_MAX], *read_batches[COMBINER_LANES_MAX];
    _Atomic uint64_t next_read; /* spreads reads over their lanes */
    _Atomic uint64_t retries, deadlocks;

    pthread_mutex_t lock;
    pthread_cond_t returned;
    struct db_tx transactions[COMBINER_LANES_MAX];

    struct metrics_histogram *batch_size, *batch_seconds, *wait_seconds;
    struct metrics_counter *deadlock_total, *retry_total;
};

#endif
