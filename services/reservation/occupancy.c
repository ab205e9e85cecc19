#include "occupancy.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "db/db.h"

/* A date's live claims as words of 32 seats, so that a sold out date of 5,000 seats is 157 of them
 * and not 5,000 numbers: "word:held:sold", the last two in hexadecimal. */
enum { WORD_SEATS = 32 };
/* clang-format off */
#define BITS(which) "to_hex(coalesce(bit_or(1::bigint << (seat_no - 1) % 32) FILTER (WHERE " which "), 0))"
static const struct db_statement occupancy_statement = {
    .name = "occupancy",
    .mode = DB_READ,
    .sql =
        "SELECT ("
        "   SELECT string_agg(word || ':' || held || ':' || sold, ',') FROM ("
        "     SELECT (seat_no - 1) / 32 AS word, " BITS("status <> 'CONFIRMED'") " AS held, "
                BITS("status = 'CONFIRMED'") " AS sold"
        "     FROM reservation r WHERE r.concert_id = $1::uuid AND r.date = asked.date"
        "       AND (status = 'CONFIRMED' OR status IN ('HELD', 'PAYING')"
        "         AND claim_until > statement_timestamp())"
        "       AND status IN ('HELD', 'PAYING', 'CONFIRMED')"
        "     GROUP BY 1) AS words),"
        "   (SELECT coalesce(max(version), 0) FROM reservation v"
        "     WHERE v.concert_id = $1::uuid AND v.date = asked.date)"
        " FROM unnest($2::date[]) WITH ORDINALITY AS asked (date, position) ORDER BY position",
};
/* clang-format on */

static bool mark_word(uint8_t *bitmap, unsigned word, uint32_t bits)
{
    for (unsigned i = 0; i < WORD_SEATS / 8; i++) {
        const size_t byte = (size_t)word * (WORD_SEATS / 8) + i;
        const uint8_t part = (uint8_t)(bits >> (8 * i));
        if (byte < SEATS_BITMAP_SIZE)
            bitmap[byte] = part;
        else if (part != 0)
            return false;
    }
    return true;
}

static bool read_words(const char *text, struct seat_map *map)
{
    while (*text != '\0') {
        unsigned word;
        uint32_t held, sold;
        int length = 0;
        if (sscanf(text, "%u:%" SCNx32 ":%" SCNx32 "%n", &word, &held, &sold, &length) != 3 ||
            !mark_word(map->held, word, held) || !mark_word(map->sold, word, sold))
            return false;
        text += length;
        text += *text == ',' ? 1 : 0;
    }
    return true;
}

/* The answers of some dates, read into `maps`; what they were read from is forgotten. */
static enum status read_occupancy(struct ctx *ctx, struct db *db, const char *concert_id,
                                  const char *const dates[], size_t count,
                                  struct claim_occupancy maps[])
{
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_text(&params, concert_id);
    db_add_text_array(&params, dates, count);
    TRY(db_run(ctx, db, &occupancy_statement, &params, 0, &rows));
    if (rows.row_count != count)
        return ctx_fail(ctx, ST_INTERNAL, "occupancy of %zu dates, asked for %zu", rows.row_count,
                        count);
    for (size_t i = 0; i < count; i++) {
        maps[i].date = dates[i];
        maps[i].map.version = db_int64(&rows, i, 1);
        if (!read_words(db_text(&rows, i, 0), &maps[i].map))
            return ctx_fail(ctx, ST_INTERNAL, "unreadable occupancy");
    }
    return ST_OK;
}

enum status claim_store_occupancy(struct ctx *ctx, struct db *db, const char *concert_id,
                                  const char *const dates[], size_t count,
                                  struct claim_occupancy **ret_occupancies)
{
    enum { DATES_AT_ONCE = 64 }; /* their answer is 240 KiB at most */
    struct claim_occupancy *maps = arena_calloc(ctx->arena, count, sizeof *maps);
    if (maps == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "occupancy of %zu dates does not fit", count);
    for (size_t first = 0; first < count; first += DATES_AT_ONCE) {
        const size_t left = count - first;
        const size_t mark = arena_mark(ctx->arena);
        TRY(read_occupancy(ctx, db, concert_id, dates + first,
                           left < DATES_AT_ONCE ? left : DATES_AT_ONCE, maps + first));
        arena_rewind(ctx->arena, mark);
    }
    *ret_occupancies = maps;
    return ST_OK;
}

/* One step down an index a date. */
static const struct db_statement versions_statement = {
    .name = "versions",
    .mode = DB_READ,
    .sql = "SELECT (SELECT coalesce(max(version), 0) FROM reservation v"
           "   WHERE v.concert_id = $1::uuid AND v.date = asked.date)"
           " FROM unnest($2::date[]) WITH ORDINALITY AS asked (date, position) ORDER BY position",
};

enum status claim_store_versions(struct ctx *ctx, struct db *db, const char *concert_id,
                                 const char *const dates[], size_t count, int64_t **ret_versions)
{
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_text(&params, concert_id);
    db_add_text_array(&params, dates, count);
    TRY(db_run(ctx, db, &versions_statement, &params, 0, &rows));
    int64_t *versions = arena_calloc(ctx->arena, count, sizeof *versions);
    if (versions == NULL || rows.row_count != count)
        return ctx_fail(ctx, ST_OVERLOADED, "versions of %zu dates do not fit", count);
    for (size_t i = 0; i < count; i++)
        versions[i] = db_int64(&rows, i, 0);
    *ret_versions = versions;
    return ST_OK;
}

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
