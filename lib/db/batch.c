#include "db/batch.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct db_batch *db_batch_new(struct db *db)
{
    struct db_batch *batch = malloc(sizeof *batch);
    void *block = malloc(MERGE_SIZE);
    if (batch == NULL || block == NULL)
        abort();
    batch->db = db;
    arena_init(&batch->merge_arena, block, MERGE_SIZE);
    ctx_init(&batch->merge_ctx, &batch->merge_arena);
    db_batch_clear(batch);
    return batch;
}

void db_batch_free(struct db_batch **batch)
{
    if (*batch == NULL)
        return;
    free((*batch)->merge_arena.block);
    free(*batch);
    *batch = NULL;
}

/* The lock statement of DB_WRITE_LOCKED: takes a batch's locks in the order of the list; they are
 * released by the end of the transaction. */
static const struct db_statement lock_statement = {
    .name = "db_lock",
    .sql = "SELECT count(pg_advisory_xact_lock(key)) FROM unnest($1::bigint[]) AS key",
    .mode = DB_WRITE,
};

static int by_value(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* The locks that calls first..last want, ascending, each once; in batch->lock_list. */
static size_t list_locks(struct db_batch *batch, size_t first, size_t last)
{
    uint64_t *list = batch->lock_list;
    size_t count = 0, used = 0;
    bool is_sorted = true; /* calls stand in the order of their keys */
    for (size_t i = first; i <= last; i++) {
        const struct db_call *call = batch->calls[i];
        if (call->statement->mode != DB_WRITE_LOCKED)
            continue;
        list[count++] = call->op.key;
        if (call->params != NULL && call->params->has_second_lock) {
            list[count++] = call->params->second_lock;
            is_sorted = false;
        }
    }
    if (!is_sorted)
        qsort(list, count, sizeof *list, by_value);
    for (size_t i = 0; i < count; i++) {
        if (used == 0 || list[used - 1] != list[i])
            list[used++] = list[i];
    }
    return used;
}

void db_batch_lock(struct db_batch *batch, size_t first, size_t last)
{
    const size_t count = list_locks(batch, first, last);
    size_t length = 0;
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        /* The key's 64 bits, seen as PostgreSQL's signed bigint. */
        length += (size_t)snprintf(batch->lock_keys + length, sizeof batch->lock_keys - length,
                                   "%c%" PRId64, i == 0 ? '{' : ',', (int64_t)batch->lock_list[i]);
    }
    assert(length + 2 <= sizeof batch->lock_keys);
    memcpy(batch->lock_keys + length, "}", 2);
    struct ctx *ctx = batch->calls[first]->ctx;
    db_params_init(&batch->locks, ctx);
    db_add_text(&batch->locks, batch->lock_keys);
    batch->items[batch->item_count++] =
        (struct db_item){.statement = &lock_statement, .params = &batch->locks, .ctx = ctx};
}

void db_batch_replan(struct db_batch *batch, bool sync)
{
    const struct db_statement *due = db_connection_due_plans(batch->connection);
    if (due != NULL)
        batch->items[batch->item_count++] =
            (struct db_item){.statement = due, .ctx = batch->calls[0]->ctx, .sync = sync};
}

void db_batch_add_single(struct db_batch *batch, size_t index)
{
    const struct db_call *call = batch->calls[index];
    batch->item_of[index] = batch->item_count;
    batch->items[batch->item_count++] = (struct db_item){
        .statement = call->statement,
        .params = call->params,
        .ctx = call->ctx,
        .rows = call->rows,
    };
}

/* The parameters of all calls that became `parts`, column by column. */
static bool merge_params(struct db_batch *batch, const struct db_params *const params[],
                         size_t count, struct db_params *ret_merged)
{
    const char *texts[COMBINER_BATCH_MAX];
    db_params_init(ret_merged, &batch->merge_ctx);
    for (size_t column = 0; column < params[0]->count; column++) {
        for (size_t i = 0; i < count; i++) {
            assert(params[i]->count == params[0]->count);
            texts[i] = params[i]->values[column];
        }
        db_add_text_array(ret_merged, texts, count);
    }
    return !ret_merged->failed;
}

/* One item for calls index..last that share this one's statement. False: they do not fit. */
static bool add_merged(struct db_batch *batch, size_t index, size_t last)
{
    const struct db_params *params[COMBINER_BATCH_MAX];
    const struct db_call *first = batch->calls[index];
    const size_t first_part = batch->part_count;
    size_t count = 0;
    for (size_t i = index; i <= last; i++) {
        const struct db_call *call = batch->calls[i];
        if (call->statement != first->statement)
            continue;
        batch->item_of[i] = batch->item_count;
        batch->part_of[i] = batch->part_count;
        batch->parts[batch->part_count++] = (struct db_part){.ctx = call->ctx, .rows = call->rows};
        params[count++] = call->params;
    }
    if (batch->merged_count == MERGED_MAX)
        return false;
    struct db_params *merged = &batch->merged[batch->merged_count++];
    batch->items[batch->item_count++] = (struct db_item){
        .statement = first->statement,
        .params = merged,
        .ctx = first->ctx,
        .parts = &batch->parts[first_part],
        .part_count = count,
    };
    return merge_params(batch, params, count, merged);
}

bool db_batch_add_calls(struct db_batch *batch, size_t first, size_t last)
{
    enum { NONE = ITEMS_MAX };
    bool fits = true;
    for (size_t i = first; i <= last; i++)
        batch->item_of[i] = NONE;
    for (size_t i = first; i <= last && fits; i++) {
        if (batch->item_of[i] != NONE)
            continue;
        if (batch->calls[i]->statement->takes_many)
            fits = add_merged(batch, i, last);
        else
            db_batch_add_single(batch, i);
    }
    batch->items[batch->item_count - 1].sync = true;
    return fits;
}

void db_batch_clear(struct db_batch *batch)
{
    batch->item_count = 0;
    batch->part_count = 0;
    batch->merged_count = 0;
    arena_reset(&batch->merge_arena);
}

enum status db_batch_status(const struct db_batch *batch, size_t index)
{
    const struct db_item *item = &batch->items[batch->item_of[index]];
    if (item->status == ST_OK && item->parts != NULL)
        return batch->parts[batch->part_of[index]].status;
    return item->status;
}
