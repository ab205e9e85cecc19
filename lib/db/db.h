/* PostgreSQL: a pool of connections, batched statements (group commit) and interactive
 * transactions. The only user of libpq. Errors: ST_UNAVAILABLE (no connection; or lost in the
 * middle, outcome unknown), ST_TIMEOUT (deadline, statement or lock timeout), ST_OVERLOADED (queue
 * or pool full), ST_CONFLICT (deadlock, serialization), ST_CONSTRAINT_VIOLATED (detail names
 * SQLSTATE and constraint), ST_INTERNAL (any other SQL error). */
#ifndef DB_DB_H
#define DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "base/uuid.h"

struct db;

struct db_options {
    const char *url;              /* libpq URL or key=value text */
    const char *application_name; /* shown in pg_stat_activity */
    size_t write_lanes;           /* connections for batched writes, 0: 2 */
    size_t read_lanes;            /* connections for batched reads, 0: 2 */
    size_t transactions;          /* connections for interactive transactions, 0: 4 */
    size_t batch_max;             /* statements in one pipeline, 0: 64 */
    size_t queue_max;             /* waiting on one lane, 0: 4096 */
    int64_t statement_timeout_ms; /* 0: 5000 */
    int64_t lock_timeout_ms;      /* 0: 3000 */
    int64_t idle_timeout_ms;      /* in a transaction, 0: 10000 */
    int64_t connect_timeout_ms;   /* 0: 3000 */
    bool for_reports; /* statements that read whole tables, seldom: planned each for what it asks */
};

/* Makes the pool; connects lazily with backoff (100 ms to 2 s, jittered), so an absent server is no
 * failure here. */
enum status db_new(const struct db_options *options, struct db **ret_db) MUST_CHECK;
/* After the last call has returned. */
void db_free(struct db **db);

/* Whether the server answers, by a round trip within the ctx's deadline: for readiness. */
enum status db_ping(struct ctx *ctx, struct db *db) MUST_CHECK;

/* --- parameters: filled in order, $1 first; text is copied into the ctx's arena --- */
enum { DB_PARAMS_MAX = 24 };
struct db_params {
    struct ctx *ctx;
    size_t count;
    const char *values[DB_PARAMS_MAX]; /* text format; NULL is SQL NULL */
    uint64_t second_lock;              /* see db_add_lock */
    bool has_second_lock;
    bool failed; /* arena or table full: the statement answers ST_OVERLOADED */
};
void db_params_init(struct db_params *params, struct ctx *ctx);
void db_add_int64(struct db_params *params, int64_t value);
void db_add_bool(struct db_params *params, bool value);
void db_add_text(struct db_params *params,
                 const char *text); /* NULL: SQL NULL; borrowed, not copied */
/* A PostgreSQL array literal of texts (quoted as needed; NULL is NULL), e.g. for = ANY($1). */
void db_add_text_array(struct db_params *params, const char *const texts[], size_t count);
void db_add_int64_array(struct db_params *params, const int64_t values[], size_t count);

/* One more lock for a DB_WRITE_LOCKED statement beside that of its key, for one that touches two
 * things. All locks of a batch are taken together, in one order, so two make no circle either. */
void db_add_lock(struct db_params *params, uint64_t key);

/* --- results: rows live in the ctx's arena until the request ends --- */
struct db_rows {
    size_t row_count;
    size_t column_count;
    int64_t affected;   /* rows touched by INSERT, UPDATE, DELETE */
    const char **cells; /* row_count * column_count texts, NULL is SQL NULL */
};
bool db_is_null(const struct db_rows *rows, size_t row, size_t column);
const char *db_text(const struct db_rows *rows, size_t row, size_t column); /* "" for NULL */
int64_t db_int64(const struct db_rows *rows, size_t row,
                 size_t column); /* 0 for NULL; asserts an integer */
bool db_bool(const struct db_rows *rows, size_t row, size_t column);
/* A bytea cell decoded into the arena. */
enum status db_bytes(struct ctx *ctx, const struct db_rows *rows, size_t row, size_t column,
                     const uint8_t **ret_bytes, size_t *ret_size) MUST_CHECK;

/* --- batched statements --- */
enum db_mode {
    DB_WRITE,        /* on a write lane */
    DB_WRITE_LOCKED, /* as DB_WRITE, under pg_advisory_xact_lock(key) (and the key of db_add_lock)
                      * taken once a batch and key, in ascending key order, in a statement of its
                      * own before, so that the statement's snapshot sees all that earlier holders
                      * of the key committed */
    DB_READ,         /* on a read lane; never waits behind a commit; must not write */
};

/* A statement is a static const object; it is prepared once on each connection under its name.
 *
 * One that takes many does the work of all its calls in a batch at once, which saves starting it
 * for each: every parameter is an array with an element a call, in the order of the calls' keys and
 * arrival (unnest($1::uuid[], $2::int[]) WITH ORDINALITY), and the first column of its rows is the
 * ordinal, from 1, of the call that the row is for; a call gets its own rows, without that column.
 */
struct db_statement {
    const char *name; /* unique within the service */
    const char *sql;
    enum db_mode mode;
    bool takes_many; /* not in an interactive transaction */
};

/* Runs one statement as part of a batch: one pipeline, one implicit transaction, one commit. It
 * must be a single SQL statement that does not raise in normal use; when a batch fails its
 * statements are run again one by one, each in a transaction of its own, so a failure hits only its
 * cause. (A batch whose connection was lost is not run again: its outcome is unknown,
 * ST_UNAVAILABLE.) `key` orders: see combiner.h. */
enum status db_run(struct ctx *ctx, struct db *db, const struct db_statement *statement,
                   const struct db_params *params, uint64_t key,
                   struct db_rows *ret_rows) MUST_CHECK;

/* --- interactive transactions, for what is rare --- */
struct db_tx;
/* BEGIN on a connection of its own, waiting for one at most until the deadline. READ COMMITTED. */
enum status db_begin(struct ctx *ctx, struct db *db, struct db_tx **ret_tx) MUST_CHECK;
enum status db_tx_run(struct ctx *ctx, struct db_tx *tx, const struct db_statement *statement,
                      const struct db_params *params, struct db_rows *ret_rows) MUST_CHECK;
/* ST_OK: committed. ST_UNAVAILABLE: unknown; look the effect up by its id. */
enum status db_commit(struct ctx *ctx, struct db_tx *tx) MUST_CHECK;
/* Rolls back unless committed, gives the connection back, sets NULL: use with scoped(). */
void db_end(struct db_tx **tx);

struct db_stats {
    uint64_t batches, statements, largest_batch, batch_retries, reconnects, deadlocks;
};
void db_read_stats(struct db *db, struct db_stats *ret_stats);

#endif
