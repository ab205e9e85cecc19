#include "store.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "db/db.h"

static void read_concert(const struct db_rows *rows, size_t row, struct catalog_concert *concert)
{
    base_copy_text(concert->concert_id.text, UUID_TEXT_SIZE, db_text(rows, row, 0));
    base_copy_text(concert->title, sizeof concert->title, db_text(rows, row, 1));
    base_copy_text(concert->artist, sizeof concert->artist, db_text(rows, row, 2));
    base_copy_text(concert->venue, sizeof concert->venue, db_text(rows, row, 3));
    base_copy_text(concert->queue, sizeof concert->queue, db_text(rows, row, 4));
}

static const struct db_statement concerts_statement = {
    .name = "concerts",
    .mode = DB_READ,
    .sql = "SELECT concert_id, title, artist, venue, queue FROM concert"
           " WHERE $1::text = '' OR concert_id > nullif($1::text, '')::uuid"
           " ORDER BY concert_id LIMIT $2::bigint",
};

enum status catalog_store_concerts(struct ctx *ctx, struct db *db, const char *after, size_t limit,
                                   struct catalog_concert **ret_concerts, size_t *ret_count)
{
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_text(&params, after);
    db_add_int64(&params, (int64_t)limit);
    TRY(db_run(ctx, db, &concerts_statement, &params, 0, &rows));
    struct catalog_concert *concerts = arena_calloc(ctx->arena, rows.row_count, sizeof *concerts);
    if (concerts == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < rows.row_count; i++)
        read_concert(&rows, i, &concerts[i]);
    *ret_concerts = concerts;
    *ret_count = rows.row_count;
    return ST_OK;
}

static const struct db_statement concert_statement = {
    .name = "concert",
    .mode = DB_READ,
    .sql =
        "SELECT concert_id, title, artist, venue, queue FROM concert WHERE concert_id = $1::uuid",
};

enum status catalog_store_concert(struct ctx *ctx, struct db *db, const char *concert_id,
                                  struct catalog_concert *ret_concert)
{
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_text(&params, concert_id);
    TRY(db_run(ctx, db, &concert_statement, &params, 0, &rows));
    if (rows.row_count == 0)
        return ST_CONCERT_NOT_FOUND;
    read_concert(&rows, 0, ret_concert);
    return ST_OK;
}

#define UNIX_MS(column) "floor(extract(epoch FROM " column ") * 1000)::bigint"

/* clang-format off */
#define DATE_COLUMNS \
    "SELECT date, " UNIX_MS("starts_at") ", seats_total, " UNIX_MS("sale_opens_at") ", " \
    UNIX_MS("sale_closes_at") "," \
    " (SELECT string_agg((tier->>0) || ',' || (tier->>1) || ',' || (tier->>2), ';' ORDER BY position)" \
    "   FROM jsonb_array_elements(tiers) WITH ORDINALITY AS list (tier, position))" \
    " FROM concert_date WHERE concert_id = $1::uuid"
/* clang-format on */

static const struct db_statement dates_statement = {
    .name = "dates",
    .mode = DB_READ,
    .sql = DATE_COLUMNS " AND date >= $2::date"
                        " AND ($3::text = '' OR date <= nullif($3::text, '')::date)"
                        " ORDER BY date LIMIT $4::bigint",
};
static const struct db_statement find_dates_statement = {
    .name = "find_dates",
    .mode = DB_READ,
    .sql = DATE_COLUMNS " AND date = ANY ($2::date[]) ORDER BY date",
};

/* "1,10,150000;11,30,110000": first seat, last seat, price. */
static enum status read_tiers(struct ctx *ctx, const char *text, struct catalog_date *date)
{
    while (*text != '\0' && date->tier_count < CATALOG_TIERS_MAX) {
        struct catalog_tier *tier = &date->tiers[date->tier_count++];
        int length = 0;
        if (sscanf(text, "%" SCNd64 ",%" SCNd64 ",%" SCNd64 "%n", &tier->first_seat_no,
                   &tier->last_seat_no, &tier->price_won, &length) != 3)
            return ctx_fail(ctx, ST_INTERNAL, "unreadable tiers");
        text += length;
        text += *text == ';' ? 1 : 0;
    }
    return ST_OK;
}

static enum status read_dates(struct ctx *ctx, const struct db_rows *rows,
                              struct catalog_date **ret_dates, size_t *ret_count)
{
    struct catalog_date *dates = arena_calloc(ctx->arena, rows->row_count, sizeof *dates);
    if (dates == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < rows->row_count; i++) {
        base_copy_text(dates[i].date, sizeof dates[i].date, db_text(rows, i, 0));
        dates[i].starts_at_unix_ms = db_int64(rows, i, 1);
        dates[i].seats_total = db_int64(rows, i, 2);
        dates[i].sale_opens_at_unix_ms = db_int64(rows, i, 3);
        dates[i].sale_closes_at_unix_ms = db_int64(rows, i, 4);
        TRY(read_tiers(ctx, db_text(rows, i, 5), &dates[i]));
    }
    *ret_dates = dates;
    *ret_count = rows->row_count;
    return ST_OK;
}

enum status catalog_store_dates(struct ctx *ctx, struct db *db, const char *concert_id,
                                const char *from, const char *through, size_t limit,
                                struct catalog_date **ret_dates, size_t *ret_count)
{
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_text(&params, concert_id);
    db_add_text(&params, from);
    db_add_text(&params, through);
    db_add_int64(&params, (int64_t)limit);
    TRY(db_run(ctx, db, &dates_statement, &params, 0, &rows));
    return read_dates(ctx, &rows, ret_dates, ret_count);
}

/* One member of each date, as an array of texts. */
static void add_dates_column(struct db_params *params, const struct catalog_date dates[],
                             size_t count)
{
    const char *texts[CATALOG_CREATE_DATES_MAX];
    for (size_t i = 0; i < count; i++)
        texts[i] = dates[i].date;
    db_add_text_array(params, texts, count);
}

enum status catalog_store_find_dates(struct ctx *ctx, struct db *db, const char *concert_id,
                                     const struct catalog_date dates[], size_t count,
                                     struct catalog_date **ret_dates, size_t *ret_count)
{
    struct db_params params;
    struct db_rows rows;
    assert(count <= CATALOG_CREATE_DATES_MAX);
    db_params_init(&params, ctx);
    db_add_text(&params, concert_id);
    add_dates_column(&params, dates, count);
    TRY(db_run(ctx, db, &find_dates_statement, &params, 0, &rows));
    return read_dates(ctx, &rows, ret_dates, ret_count);
}

/* The reference of a date to its concert is checked when the statement ends: both are there. */
static const struct db_statement add_statement = {
    .name = "add",
    .mode = DB_WRITE,
    .sql = "WITH made AS ("
           "  INSERT INTO concert (concert_id, title, artist, venue, queue, currency)"
           "  VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::text, 'KRW')"
           "  ON CONFLICT DO NOTHING RETURNING 1"
           "), added AS ("
           "  INSERT INTO concert_date"
           "    (concert_id, date, starts_at, seats_total, sale_opens_at, sale_closes_at, tiers)"
           "  SELECT $1::uuid, date, to_timestamp(starts / 1000.0), seats,"
           "    to_timestamp(opens / 1000.0), to_timestamp(closes / 1000.0), tiers::jsonb"
           "  FROM unnest($6::date[], $7::bigint[], $8::int[], $9::bigint[], $10::bigint[], "
           "$11::text[])"
           "    AS wish (date, starts, seats, opens, closes, tiers)"
           "  ON CONFLICT DO NOTHING RETURNING 1"
           ") SELECT (SELECT count(*) FROM made), (SELECT count(*) FROM added)",
};

static const char *tiers_as_json(struct ctx *ctx, const struct catalog_date *date)
{
    enum { TIER_TEXT = 64 }; /* three numbers of at most ten digits, and what stands between */
    char text[CATALOG_TIERS_MAX * TIER_TEXT] = "[";
    size_t length = 1;
    for (size_t i = 0; i < date->tier_count; i++)
        length += (size_t)snprintf(text + length, sizeof text - length,
                                   "%s[%" PRId64 ",%" PRId64 ",%" PRId64 "]", i == 0 ? "" : ",",
                                   date->tiers[i].first_seat_no, date->tiers[i].last_seat_no,
                                   date->tiers[i].price_won);
    snprintf(text + length, sizeof text - length, "]");
    return arena_strdup(ctx->arena, text);
}

static enum status add_date_columns(struct ctx *ctx, struct db_params *params,
                                    const struct catalog_date dates[], size_t count)
{
    int64_t starts[CATALOG_CREATE_DATES_MAX], seats[CATALOG_CREATE_DATES_MAX],
        opens[CATALOG_CREATE_DATES_MAX], closes[CATALOG_CREATE_DATES_MAX];
    const char *tiers[CATALOG_CREATE_DATES_MAX];
    for (size_t i = 0; i < count; i++) {
        starts[i] = dates[i].starts_at_unix_ms;
        seats[i] = dates[i].seats_total;
        opens[i] = dates[i].sale_opens_at_unix_ms;
        closes[i] = dates[i].sale_closes_at_unix_ms;
        tiers[i] = tiers_as_json(ctx, &dates[i]);
        if (tiers[i] == NULL)
            return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    }
    add_dates_column(params, dates, count);
    db_add_int64_array(params, starts, count);
    db_add_int64_array(params, seats, count);
    db_add_int64_array(params, opens, count);
    db_add_int64_array(params, closes, count);
    db_add_text_array(params, tiers, count);
    return ST_OK;
}

enum status catalog_store_add(struct ctx *ctx, struct db *db, const struct catalog_concert *concert,
                              const struct catalog_date dates[], size_t count, bool *ret_created,
                              int64_t *ret_added)
{
    struct db_params params;
    struct db_rows rows;
    assert(count <= CATALOG_CREATE_DATES_MAX);
    db_params_init(&params, ctx);
    db_add_text(&params, concert->concert_id.text);
    db_add_text(&params, concert->title);
    db_add_text(&params, concert->artist);
    db_add_text(&params, concert->venue);
    db_add_text(&params, concert->queue);
    TRY(add_date_columns(ctx, &params, dates, count));
    TRY(db_run(ctx, db, &add_statement, &params, base_hash64(concert->concert_id.text), &rows));
    *ret_created = db_int64(&rows, 0, 0) == 1;
    *ret_added = db_int64(&rows, 0, 1);
    return ST_OK;
}

static const struct db_statement page_key_statement = {
    .name = "page_key",
    .mode = DB_READ,
    .sql = "SELECT key FROM page_key",
};

enum status catalog_store_page_key(struct ctx *ctx, struct db *db, struct page_key *ret_key)
{
    struct db_params params;
    struct db_rows rows;
    const uint8_t *bytes;
    size_t size;
    db_params_init(&params, ctx);
    TRY(db_run(ctx, db, &page_key_statement, &params, 0, &rows));
    if (rows.row_count != 1)
        return ctx_fail(ctx, ST_INTERNAL, "no page key");
    TRY(db_bytes(ctx, &rows, 0, 0, &bytes, &size));
    if (size != PAGE_KEY_SIZE)
        return ctx_fail(ctx, ST_INTERNAL, "a page key of %zu bytes", size);
    memcpy(ret_key->bytes, bytes, PAGE_KEY_SIZE);
    return ST_OK;
}
