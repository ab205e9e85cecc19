#include "store.h"

#include <string.h>

#include "base/checked.h"
#include "db/db.h"
#include "statements.h"

static enum status read_claim(struct ctx *ctx, const struct db_rows *rows, size_t row, size_t first,
                              struct claim *ret_claim)
{
    struct claim claim = {0};
    base_copy_text(claim.reservation_id.text, UUID_TEXT_SIZE, db_text(rows, row, first));
    base_copy_text(claim.user_id.text, UUID_TEXT_SIZE, db_text(rows, row, first + 1));
    base_copy_text(claim.concert_id.text, UUID_TEXT_SIZE, db_text(rows, row, first + 2));
    base_copy_text(claim.date, sizeof claim.date, db_text(rows, row, first + 3));
    claim.seat_no = db_int64(rows, row, first + 4);
    claim.price_won = db_int64(rows, row, first + 5);
    base_copy_text(claim.currency, sizeof claim.currency, db_text(rows, row, first + 6));
    if (!claim_status_from_name(db_text(rows, row, first + 7), &claim.status))
        return ctx_fail(ctx, ST_INTERNAL, "unreadable status of a claim");
    claim.held_until_unix_ms = db_int64(rows, row, first + 8);
    claim.created_at_unix_ms = db_int64(rows, row, first + 9);
    claim.version = db_int64(rows, row, first + 10);
    base_copy_text(claim.payment_id.text, UUID_TEXT_SIZE, db_text(rows, row, first + 11));
    *ret_claim = claim;
    return ST_OK;
}

/* --- reading --- */

static const struct db_statement get_statement = {
    .name = "get",
    .mode = DB_READ,
    .sql = "SELECT " CLAIM(
        "r", "clock_timestamp()") " FROM reservation r WHERE reservation_id = $1::uuid",
};

enum status claim_store_get(struct ctx *ctx, struct db *db, const char *reservation_id,
                            struct claim *ret_claim)
{
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_text(&params, reservation_id);
    TRY(db_run(ctx, db, &get_statement, &params, 0, &rows));
    if (rows.row_count == 0)
        return ST_RESERVATION_NOT_FOUND;
    return read_claim(ctx, &rows, 0, 0, ret_claim);
}

static const struct db_statement list_statement = {
    .name = "list",
    .mode = DB_READ,
    .sql =
        "SELECT " CLAIM("r", "clock_timestamp()") " FROM reservation r"
                                                  " WHERE user_id = $1::uuid AND ($2::text = '' OR "
                                                  "reservation_id < nullif($2::text, '')::uuid)"
                                                  " ORDER BY reservation_id DESC LIMIT $3::bigint",
};

enum status claim_store_list(struct ctx *ctx, struct db *db, const char *user_id,
                             const char *before, size_t limit, struct claim **ret_claims,
                             size_t *ret_count)
{
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_text(&params, user_id);
    db_add_text(&params, before);
    db_add_int64(&params, (int64_t)limit);
    TRY(db_run(ctx, db, &list_statement, &params, 0, &rows));

    struct claim *claims = arena_calloc(ctx->arena, rows.row_count, sizeof *claims);
    if (claims == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < rows.row_count; i++)
        TRY(read_claim(ctx, &rows, i, 0, &claims[i]));
    *ret_claims = claims;
    *ret_count = rows.row_count;
    return ST_OK;
}

static const struct db_statement page_key_statement = {
    .name = "page_key",
    .mode = DB_READ,
    .sql = "SELECT key FROM page_key",
};

enum status claim_store_page_key(struct ctx *ctx, struct db *db, struct page_key *ret_key)
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

/* --- moving --- */

static const struct db_statement begin_statement = {
    .name = "begin_payment",
    .mode = DB_WRITE_LOCKED,
    .sql = "WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now)"
           " UPDATE reservation r SET status = 'PAYING', payment_id = $2::uuid,"
           "   claim_until = greatest(claim_until, least(now + $3::bigint * interval '1 ms',"
           "     hold_until + interval '5 minutes')),"
           "   version = CASE WHEN status = 'HELD' THEN nextval('reservation_version') ELSE "
           "version END"
           " FROM clock WHERE reservation_id = $1::uuid AND claim_until > now"
           "   AND (payment_id = $2::uuid AND status = 'PAYING'"
           "     OR payment_id IS DISTINCT FROM $2::uuid AND status = 'HELD')"
           " RETURNING " CLAIM("r", "now"),
};
static const struct db_statement confirm_statement = {
    .name = "confirm",
    .mode = DB_WRITE_LOCKED,
    .sql = "WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now)"
           " UPDATE reservation r SET status = 'CONFIRMED', confirmed_at = now,"
           "   version = nextval('reservation_version')"
           " FROM clock WHERE reservation_id = $1::uuid AND claim_until > now"
           "   AND status = 'PAYING' AND payment_id = $2::uuid AND $3::bigint = 0"
           " RETURNING " CLAIM("r", "now"),
};
static const struct db_statement release_statement = {
    .name = "release",
    .mode = DB_WRITE_LOCKED,
    .sql = "WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now)"
           " UPDATE reservation r SET claim_until = hold_until,"
           "   status = CASE WHEN hold_until > now THEN 'HELD' ELSE 'EXPIRED' END,"
           "   version = nextval('reservation_version')"
           " FROM clock WHERE reservation_id = $1::uuid"
           "   AND status = 'PAYING' AND payment_id = $2::uuid AND $3::bigint = 0"
           " RETURNING " CLAIM("r", "now"),
};
static const struct db_statement cancel_statement = {
    .name = "cancel",
    .mode = DB_WRITE_LOCKED,
    .sql =
        "WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now)"
        " UPDATE reservation r SET status = 'CANCELLED', version = nextval('reservation_version')"
        " FROM clock WHERE reservation_id = $1::uuid AND claim_until > now AND status = 'HELD'"
        "   AND $2::uuid IS NULL AND $3::bigint = 0"
        " RETURNING " CLAIM("r", "now"),
};

static const struct db_statement *statement_of(enum claim_event event)
{
    switch (event) {
    case CLAIM_BEGIN:
        return &begin_statement;
    case CLAIM_CONFIRM:
        return &confirm_statement;
    case CLAIM_RELEASE:
        return &release_statement;
    case CLAIM_CANCEL:
        return &cancel_statement;
    case CLAIM_LAPSE:
        break; /* the sweeper's */
    }
    return NULL;
}

enum status claim_store_move(struct ctx *ctx, struct db *db, const struct claim_move *move,
                             struct claim *ret_claim, bool *ret_moved)
{
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, ctx);
    db_add_text(&params, move->claim->reservation_id.text);
    db_add_text(&params, move->payment_id[0] == '\0' ? NULL : move->payment_id);
    db_add_int64(&params, move->lease_ms);
    TRY(db_run(ctx, db, statement_of(move->event), &params,
               claim_date_key(move->claim->concert_id.text, move->claim->date), &rows));
    *ret_moved = rows.row_count == 1;
    return *ret_moved ? read_claim(ctx, &rows, 0, 0, ret_claim) : ST_OK;
}

/* --- tidying --- */

/* statement_timestamp() stays put during the statement, so the index of claim_until is walked only
 * as far as that: with nothing lapsed this reads nothing. */
static const struct db_statement find_lapsed_statement = {
    .name = "find_lapsed",
    .mode = DB_READ,
    .sql = "SELECT DISTINCT concert_id, date FROM reservation"
           " WHERE status IN ('HELD', 'PAYING') AND claim_until <= statement_timestamp()"
           " LIMIT $1::bigint",
};
/* Under the date's lock like every other writer, so sweepers need not skip each other's rows. */
static const struct db_statement sweep_statement = {
    .name = "sweep",
    .mode = DB_WRITE_LOCKED,
    .sql = "UPDATE reservation SET status = 'EXPIRED', version = nextval('reservation_version')"
           " WHERE concert_id = $1::uuid AND date = $2::date"
           "   AND status IN ('HELD', 'PAYING') AND claim_until <= clock_timestamp()",
};

static const struct db_statement find_aged_statement = {
    .name = "find_aged",
    .mode = DB_READ,
    .sql = "SELECT DISTINCT concert_id, date FROM reservation"
           " WHERE idempotency_key <> '' AND " IS_AGED " LIMIT $1::bigint",
};
static const struct db_statement forget_aged_statement = {
    .name = "forget_aged",
    .mode = DB_WRITE_LOCKED,
    .sql =
        "UPDATE reservation SET idempotency_key = ''"
        " WHERE concert_id = $1::uuid AND date = $2::date AND idempotency_key <> '' AND " IS_AGED,
};

/* Runs `tidy` for each date that `find` finds. */
static enum status tidy_dates(struct ctx *ctx, struct db *db, const struct db_statement *find,
                              const struct db_statement *tidy, int64_t dates_max,
                              int64_t *ret_count)
{
    struct db_params params;
    struct db_rows dates, swept;
    int64_t count = 0;
    db_params_init(&params, ctx);
    db_add_int64(&params, dates_max);
    TRY(db_run(ctx, db, find, &params, 0, &dates));
    for (size_t i = 0; i < dates.row_count; i++) {
        const char *concert_id = db_text(&dates, i, 0), *date = db_text(&dates, i, 1);
        db_params_init(&params, ctx);
        db_add_text(&params, concert_id);
        db_add_text(&params, date);
        TRY(db_run(ctx, db, tidy, &params, claim_date_key(concert_id, date), &swept));
        count += swept.affected;
    }
    *ret_count = count;
    return ST_OK;
}

enum status claim_store_sweep(struct ctx *ctx, struct db *db, int64_t dates_max, int64_t *ret_count)
{
    return tidy_dates(ctx, db, &find_lapsed_statement, &sweep_statement, dates_max, ret_count);
}

enum status claim_store_forget_keys(struct ctx *ctx, struct db *db, int64_t dates_max,
                                    int64_t *ret_count)
{
    return tidy_dates(ctx, db, &find_aged_statement, &forget_aged_statement, dates_max, ret_count);
}
