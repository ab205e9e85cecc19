#include "changes.h"

#include <assert.h>

#include "db/db.h"

/* Of one seat's claims at most one is live, and it is younger than those that ended, so whatever
 * changed last is among the rows behind the version, and one live row among them is the seat's
 * state. */
/* clang-format off */
#define LIST(which) "coalesce(string_agg(seat_no::text, ',') FILTER (WHERE " which "), '')"
static const struct db_statement changes_statement = {
    .name = "changes",
    .mode = DB_READ,
    .sql =
        "SELECT asked.position, news.version, news.freed, news.held, news.sold"
        " FROM unnest($1::uuid[], $2::date[], $3::bigint[]) WITH ORDINALITY"
        "   AS asked (concert_id, date, version, position)"
        " CROSS JOIN LATERAL ("
        "   SELECT max(version) AS version, " LIST("NOT held AND NOT sold") " AS freed, "
            LIST("held") " AS held, " LIST("sold") " AS sold"
        "   FROM ("
        "     SELECT seat_no, max(version) AS version, bool_or(status = 'CONFIRMED') AS sold,"
        "       bool_or(status IN ('HELD', 'PAYING') AND claim_until > statement_timestamp()) AS held"
        "     FROM reservation r WHERE r.concert_id = asked.concert_id AND r.date = asked.date"
        "       AND r.version > asked.version GROUP BY seat_no) AS seat"
        " ) AS news WHERE news.version IS NOT NULL ORDER BY asked.position",
};
/* clang-format on */

enum status claim_store_changes(struct ctx *ctx, struct db *db, const struct changes_since dates[],
                                size_t count, struct changes **ret_changes, size_t *ret_count)
{
    const char *concerts[CHANGES_DATES_MAX], *days[CHANGES_DATES_MAX];
    int64_t versions[CHANGES_DATES_MAX];
    struct db_params params;
    struct db_rows rows;
    assert(count <= CHANGES_DATES_MAX);
    for (size_t i = 0; i < count; i++) {
        concerts[i] = dates[i].concert_id;
        days[i] = dates[i].date;
        versions[i] = dates[i].version;
    }
    db_params_init(&params, ctx);
    db_add_text_array(&params, concerts, count);
    db_add_text_array(&params, days, count);
    db_add_int64_array(&params, versions, count);
    TRY(db_run(ctx, db, &changes_statement, &params, 0, &rows));
    struct changes *changes = arena_calloc(ctx->arena, rows.row_count, sizeof *changes);
    if (changes == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "changes of %zu dates do not fit", rows.row_count);
    for (size_t i = 0; i < rows.row_count; i++)
        changes[i] = (struct changes){
            .asked = (size_t)db_int64(&rows, i, 0) - 1,
            .news = {.version = db_int64(&rows, i, 1),
                     .freed = db_text(&rows, i, 2),
                     .held = db_text(&rows, i, 3),
                     .sold = db_text(&rows, i, 4)},
        };
    *ret_changes = changes;
    *ret_count = rows.row_count;
    return ST_OK;
}
