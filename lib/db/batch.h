/* What a batch of calls becomes on its way to PostgreSQL: the items of one pipeline, its locks, and
 * the merging of calls whose statement takes many. */
#ifndef DB_BATCH_H
#define DB_BATCH_H

#include "base/combiner.h"
#include "db/connection.h"
#include "db/db.h"
#include "db/rows.h"

/* One caller's statement on its way through a combiner. */
struct db_call {
    struct combiner_op op; /* first: the combiner hands it back */
    const struct db_statement *statement;
    const struct db_params *params;
    struct ctx *ctx;
    struct db_rows *rows;
    int64_t asked_us;
};

enum {
    MERGED_MAX = 8,                     /* statements that take many in one batch */
    ITEMS_MAX = 2 + COMBINER_BATCH_MAX, /* the dropping of plans and the locks come first */
    LOCKS_MAX = 2 * COMBINER_BATCH_MAX,
    LOCK_KEY_SIZE = 21,      /* a bigint's sign and digits, and a comma */
    MERGE_SIZE = 256 * 1024, /* the array parameters of a batch; what does not fit runs alone */
};

/* A batch being run: calls that are still wanted, and the items they became. */
struct db_batch {
    struct db *db;
    struct db_connection *connection;
    struct db_call *calls[COMBINER_BATCH_MAX];
    size_t call_count;
    struct db_item items[ITEMS_MAX];
    size_t item_of[COMBINER_BATCH_MAX]; /* index into items of each call */
    size_t item_count;
    struct db_part parts[COMBINER_BATCH_MAX]; /* of calls whose statement takes many */
    size_t part_of[COMBINER_BATCH_MAX];       /* index into parts of each such call */
    size_t part_count;
    struct db_params merged[MERGED_MAX];
    size_t merged_count;
    struct ctx merge_ctx; /* for its arena */
    struct arena merge_arena;
    struct db_params locks;
    uint64_t lock_list[LOCKS_MAX];
    char lock_keys[LOCKS_MAX * LOCK_KEY_SIZE + 3]; /* "{-7,12}" */
    int64_t deadline_us;
};

/* Some 440 KiB a lane, too much for a worker's stack; a lane has one leader at a time. */
struct db_batch *db_batch_new(struct db *db);
void db_batch_free(struct db_batch **batch);

/* Forgets the items, keeps the calls. */
void db_batch_clear(struct db_batch *batch);
/* First of all: drops the connection's plans when it is time; `sync` as of an item. */
void db_batch_replan(struct db_batch *batch, bool sync);
/* Then: the locks of calls first..last (equal keys stand together), if any wants to be locked. */
void db_batch_lock(struct db_batch *batch, size_t first, size_t last);
/* Then: the items of calls first..last, as one transaction. False when they do not fit into one
 * batch. */
bool db_batch_add_calls(struct db_batch *batch, size_t first, size_t last);
/* Or: an item of this call alone, which the caller ends with sync. */
void db_batch_add_single(struct db_batch *batch, size_t index);
/* How a call ended, after its batch ran. */
enum status db_batch_status(const struct db_batch *batch, size_t index);

#endif
