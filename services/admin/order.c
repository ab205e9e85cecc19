#include "order.h"

#include <assert.h>
#include <inttypes.h>

#include "db/db.h"

enum { STATEMENT_TIMEOUT_MS = 300000, PAGE = 500 };

static const struct db_statement snapshot_statement = {
    .name = "order_snapshot",
    .sql = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
    .mode = DB_READ,
};

static const struct db_statement sum_statement = {
    .name = "order_sum",
    .sql =
        "WITH admitted AS ("
        "   SELECT epoch, entry, reason, sequence, token_id,"
        "          max(sequence) FILTER (WHERE reason = 'TURN') OVER (ORDER BY epoch, entry"
        "            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS highest"
        "   FROM line_event WHERE queue = $1 AND event = 'ADMITTED'),"
        " skipped AS (SELECT token_id, min(ARRAY[epoch, entry]) AS first FROM line_event"
        "   WHERE queue = $1 AND event = 'SKIPPED' GROUP BY token_id)"
        " SELECT count(*), count(*) FILTER (WHERE a.reason = 'TURN'),"
        "        count(*) FILTER (WHERE a.reason = 'RETURNED'),"
        "        (SELECT count(*) FROM skipped),"
        "        (SELECT count(*) FROM skipped s WHERE EXISTS (SELECT FROM line_event e"
        "           WHERE e.token_id = s.token_id AND e.event = 'ENDED') AND NOT EXISTS"
        "           (SELECT FROM admitted b WHERE b.token_id = s.token_id)),"
        "        count(*) FILTER (WHERE a.reason = 'TURN' AND a.sequence <= a.highest"
        /* From the second epoch on, whoever comes back late after a loss of Redis is one too. */
        "          OR a.reason = 'RETURNED' AND a.epoch = 1 AND NOT EXISTS (SELECT FROM skipped s"
        "            WHERE s.token_id = a.token_id AND s.first < ARRAY[a.epoch, a.entry])),"
        "        EXISTS (SELECT FROM line WHERE queue = $1)"
        " FROM admitted a",
    .mode = DB_READ,
};

static const struct db_statement list_statement = {
    .name = "order_list",
    .sql = "SELECT epoch, entry, event, reason, sequence, user_id,"
           "       to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
           " FROM line_event WHERE queue = $1 AND event IN ('ADMITTED', 'SKIPPED')"
           "   AND (epoch, entry) > ($2, $3) ORDER BY epoch, entry LIMIT $4",
    .mode = DB_READ,
};

static enum status sum_up(struct ctx *ctx, struct db_tx *tx, const char *queue,
                          struct order_report *ret_report)
{
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_text(&params, queue);
    TRY(db_tx_run(ctx, tx, &sum_statement, &params, &rows));
    assert(rows.row_count == 1);
    if (!db_bool(&rows, 0, 6))
        return ctx_fail(ctx, ST_QUEUE_NOT_FOUND, "no queue %s", queue);
    *ret_report = (struct order_report){
        .admitted = db_int64(&rows, 0, 0),
        .in_turn = db_int64(&rows, 0, 1),
        .returned = db_int64(&rows, 0, 2),
        .skipped = db_int64(&rows, 0, 3),
        .skipped_lapsed = db_int64(&rows, 0, 4),
        .inversions = db_int64(&rows, 0, 5),
    };
    return ST_OK;
}

static enum status print_page(struct ctx *ctx, struct db_tx *tx, const char *queue, FILE *out,
                              int64_t *epoch, int64_t *entry, size_t *ret_count)
{
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_text(&params, queue);
    db_add_int64(&params, *epoch);
    db_add_int64(&params, *entry);
    db_add_int64(&params, PAGE);
    TRY(db_tx_run(ctx, tx, &list_statement, &params, &rows));
    for (size_t i = 0; i < rows.row_count; i++) {
        *epoch = db_int64(&rows, i, 0);
        *entry = db_int64(&rows, i, 1);
        fprintf(out,
                "%s  %-8s %-8s sequence %-8" PRId64 " user %s  epoch %" PRId64 " entry %" PRId64
                "\n",
                db_text(&rows, i, 6), db_text(&rows, i, 2), db_text(&rows, i, 3),
                db_int64(&rows, i, 4), db_text(&rows, i, 5), *epoch, *entry);
    }
    *ret_count = rows.row_count;
    return ST_OK;
}

enum status order_verify(struct ctx *ctx, const char *url, const char *queue, FILE *list,
                         struct order_report *ret_report)
{
    struct db *db scoped(db_free) = NULL;
    struct db_tx *tx scoped(db_end) = NULL;
    struct db_params params;
    struct db_rows rows;
    TRY(db_new(
        &(struct db_options){
            .for_reports = true,
            .url = url,
            .application_name = "boxoffice-admin verify-order",
            .write_lanes = 1,
            .read_lanes = 1,
            .transactions = 1,
            .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
            .idle_timeout_ms = STATEMENT_TIMEOUT_MS,
        },
        &db));
    TRY(db_begin(ctx, db, &tx));
    db_params_init(&params, ctx);
    TRY(db_tx_run(ctx, tx, &snapshot_statement, &params, &rows));
    TRY(sum_up(ctx, tx, queue, ret_report));
    int64_t epoch = 0;
    int64_t entry = 0;
    for (size_t count = PAGE; list && count == PAGE;) {
        size_t mark = arena_mark(ctx->arena);
        TRY(print_page(ctx, tx, queue, list, &epoch, &entry, &count));
        arena_rewind(ctx->arena, mark);
    }
    return ST_OK;
}
