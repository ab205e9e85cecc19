#include "ledger.h"

#include <assert.h>
#include <string.h>

#define LINE_COLUMNS                                                                               \
    "queue, epoch, watermark, waiting, policy_kind, capacity, admit_batch, admit_interval_ms, "    \
    "active_ttl_ms, absent_ms, paused"

static void read_line(const struct db_rows *rows, size_t row, struct ledger_line *line)
{
    *line = (struct ledger_line){
        .epoch = db_int64(rows, row, 1),
        .watermark = db_int64(rows, row, 2),
        .waiting = db_int64(rows, row, 3),
        .has_policy = !db_is_null(rows, row, 4),
    };
    const char *queue = db_text(rows, row, 0);
    memcpy(line->queue, queue, strnlen(queue, LINE_NAME_MAX));
    if (!line->has_policy)
        return;
    line->policy = (struct policy){
        .capacity = db_int64(rows, row, 5),
        .admit_batch = db_int64(rows, row, 6),
        .admit_interval_ms = db_int64(rows, row, 7),
        .active_ttl_ms = db_int64(rows, row, 8),
        .absent_ms = db_int64(rows, row, 9),
        .paused = db_bool(rows, row, 10),
    };
    bool known = policy_kind_from_name(db_text(rows, row, 4), &line->policy.kind);
    assert(known);
}

enum status ledger_open(struct ctx *ctx, struct db *db, const char *queue, int64_t block,
                        struct ledger_line *ret_line)
{
    static const struct db_statement statement = {
        .name = "line_open",
        .sql = "INSERT INTO line (queue, epoch, watermark) VALUES ($1, 1, $2)"
               " ON CONFLICT (queue) DO UPDATE SET epoch = line.epoch + 1,"
               "                                   watermark = line.watermark + excluded.watermark"
               " RETURNING " LINE_COLUMNS,
        .mode = DB_WRITE,
    };
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_text(&params, queue);
    db_add_int64(&params, block);
    TRY(db_run(ctx, db, &statement, &params, base_hash64(queue), &rows));
    assert(rows.row_count == 1);
    read_line(&rows, 0, ret_line);
    return ST_OK;
}

enum status ledger_reserve(struct ctx *ctx, struct db *db, const char *queue, int64_t block,
                           int64_t *ret_watermark)
{
    static const struct db_statement statement = {
        .name = "line_reserve",
        .sql = "UPDATE line SET watermark = watermark + $2 WHERE queue = $1 RETURNING watermark",
        .mode = DB_WRITE,
    };
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_text(&params, queue);
    db_add_int64(&params, block);
    TRY(db_run(ctx, db, &statement, &params, base_hash64(queue), &rows));
    if (rows.row_count != 1)
        return ctx_fail(ctx, ST_INTERNAL, "queue is in Redis but not in PostgreSQL");
    *ret_watermark = db_int64(&rows, 0, 0);
    return ST_OK;
}

enum status ledger_list(struct ctx *ctx, struct db *db, size_t max, struct ledger_line **ret_lines,
                        size_t *ret_count)
{
    static const struct db_statement statement = {
        .name = "line_list",
        .sql = "SELECT " LINE_COLUMNS " FROM line ORDER BY created_at, queue LIMIT $1",
        .mode = DB_READ,
    };
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_int64(&params, (int64_t)max);
    TRY(db_run(ctx, db, &statement, &params, 0, &rows));
    struct ledger_line *lines = arena_calloc(ctx->arena, rows.row_count + 1, sizeof *lines);
    if (!lines)
        return ctx_fail(ctx, ST_OVERLOADED, "lines do not fit the arena");
    for (size_t i = 0; i < rows.row_count; i++)
        read_line(&rows, i, &lines[i]);
    *ret_lines = lines;
    *ret_count = rows.row_count;
    return ST_OK;
}

enum status ledger_set_policy(struct ctx *ctx, struct db *db, const char *queue,
                              const struct policy *policy)
{
    static const struct db_statement statement = {
        .name = "line_set_policy",
        .sql = "UPDATE line SET policy_kind = $2, capacity = $3, admit_batch = $4, "
               "admit_interval_ms = $5,"
               " active_ttl_ms = $6, absent_ms = $7, paused = $8 WHERE queue = $1",
        .mode = DB_WRITE,
    };
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_text(&params, queue);
    db_add_text(&params, policy_kind_name(policy->kind));
    db_add_int64(&params, policy->capacity);
    db_add_int64(&params, policy->admit_batch);
    db_add_int64(&params, policy->admit_interval_ms);
    db_add_int64(&params, policy->active_ttl_ms);
    db_add_int64(&params, policy->absent_ms);
    db_add_bool(&params, policy->paused);
    TRY(db_run(ctx, db, &statement, &params, base_hash64(queue), &rows));
    if (rows.affected != 1)
        return ctx_fail(ctx, ST_INTERNAL, "queue is in Redis but not in PostgreSQL");
    return ST_OK;
}

enum status ledger_note_waiting(struct ctx *ctx, struct db *db, const char *queue, int64_t waiting)
{
    static const struct db_statement statement = {
        .name = "line_note_waiting",
        .sql = "UPDATE line SET waiting = $2 WHERE queue = $1 AND waiting <> $2",
        .mode = DB_WRITE,
    };
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_text(&params, queue);
    db_add_int64(&params, waiting);
    return db_run(ctx, db, &statement, &params, base_hash64(queue), &rows);
}

enum status ledger_append(struct ctx *ctx, struct db *db, const char *queue, const char *json)
{
    static const struct db_statement statement = {
        .name = "line_append",
        .sql = "INSERT INTO line_event (queue, epoch, entry, event, reason, sequence, user_id, "
               "token_id,"
               "                        issued_at, at, expires_at, active, capacity)"
               " SELECT $1, epoch, entry, event, reason, sequence, user_id, token_id,"
               "        to_timestamp(issued_at / 1000.0), to_timestamp(at / 1000.0),"
               "        to_timestamp(expires_at / 1000.0), active, capacity"
               " FROM jsonb_to_recordset($2::jsonb) AS entries (epoch bigint, entry bigint, event "
               "text,"
               "      reason text, sequence bigint, user_id uuid, token_id uuid, issued_at bigint,"
               "      at bigint, expires_at bigint, active bigint, capacity bigint)"
               " ORDER BY entry"
               " ON CONFLICT (queue, epoch, entry) DO NOTHING",
        .mode = DB_WRITE,
    };
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_text(&params, queue);
    db_add_text(&params, json);
    return db_run(ctx, db, &statement, &params, base_hash64(queue), &rows);
}

static struct place *find_token(struct place *const places[], size_t count, const char *token_id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(places[i]->token_id.text, token_id) == 0)
            return places[i];
    }
    return NULL;
}

enum status ledger_find(struct ctx *ctx, struct db *db, struct place *const places[], size_t count)
{
    static const struct db_statement statement = {
        .name = "line_find",
        .sql = "SELECT token_id, coalesce(bool_or(event = 'ENDED') OR max(expires_at) <= now(), "
               "false),"
               "       (extract(epoch FROM max(expires_at)) * 1000)::bigint"
               " FROM line_event WHERE token_id = ANY ($1::uuid[]) GROUP BY token_id",
        .mode = DB_READ,
    };
    const char **tokens = arena_calloc(ctx->arena, count + 1, sizeof *tokens);
    if (!tokens)
        return ctx_fail(ctx, ST_OVERLOADED, "tokens do not fit the arena");
    for (size_t i = 0; i < count; i++) {
        tokens[i] = places[i]->token_id.text;
        places[i]->status = PLACE_WAITING;
    }
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_text_array(&params, tokens, count);
    TRY(db_run(ctx, db, &statement, &params, 0, &rows));
    for (size_t i = 0; i < rows.row_count; i++) {
        struct place *place = find_token(places, count, db_text(&rows, i, 0));
        assert(place);
        /* NULL: skipped, but neither admitted nor ended. */
        if (db_bool(&rows, i, 1))
            place->status = PLACE_EXPIRED;
        else if (!db_is_null(&rows, i, 2))
            place->status = PLACE_ACTIVE;
        place->expires_at_unix_ms = db_int64(&rows, i, 2);
    }
    return ST_OK;
}

enum status ledger_list_active(struct ctx *ctx, struct db *db, const char *queue, int64_t after,
                               struct place **ret_places, size_t *ret_count)
{
    static const struct db_statement statement = {
        .name = "line_list_active",
        .sql =
            "SELECT user_id, token_id, sequence, (extract(epoch FROM issued_at) * 1000)::bigint,"
            "       (extract(epoch FROM expires_at) * 1000)::bigint"
            " FROM line_event AS admitted"
            " WHERE queue = $1 AND event = 'ADMITTED' AND expires_at > now() AND sequence > $2"
            "   AND NOT EXISTS (SELECT FROM line_event AS ended"
            "                   WHERE ended.token_id = admitted.token_id AND ended.event = 'ENDED')"
            " ORDER BY sequence LIMIT $3",
        .mode = DB_READ,
    };
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_text(&params, queue);
    db_add_int64(&params, after);
    db_add_int64(&params, LEDGER_PAGE);
    TRY(db_run(ctx, db, &statement, &params, 0, &rows));
    struct place *places = arena_calloc(ctx->arena, rows.row_count + 1, sizeof *places);
    if (!places)
        return ctx_fail(ctx, ST_OVERLOADED, "places do not fit the arena");
    for (size_t i = 0; i < rows.row_count; i++) {
        bool good = uuid_parse(db_text(&rows, i, 0), &places[i].user_id) &&
                    uuid_parse(db_text(&rows, i, 1), &places[i].token_id);
        assert(good);
        places[i].sequence = db_int64(&rows, i, 2);
        places[i].issued_at_unix_ms = db_int64(&rows, i, 3);
        places[i].expires_at_unix_ms = db_int64(&rows, i, 4);
        places[i].status = PLACE_ACTIVE;
    }
    *ret_places = places;
    *ret_count = rows.row_count;
    return ST_OK;
}

enum status ledger_lock(struct ctx *ctx, struct db *db, const char *queue, struct db_tx **ret_tx)
{
    static const struct db_statement statement = {
        .name = "line_lock",
        .sql = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
        .mode = DB_WRITE,
    };
    struct db_tx *tx scoped(db_end) = NULL;
    struct db_params params;
    struct db_rows rows;
    TRY(db_begin(ctx, db, &tx));
    db_params_init(&params, ctx);
    db_add_text(&params, queue);
    TRY(db_tx_run(ctx, tx, &statement, &params, &rows));
    *ret_tx = take(&tx);
    return ST_OK;
}
