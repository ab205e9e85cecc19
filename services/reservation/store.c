#include "store.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "db/db.h"

/* A claim as every statement returns it: lapsed ones as EXPIRED, whatever the row still says. */
#define IS_PAST(row, now) row ".status IN ('HELD', 'PAYING') AND " row ".claim_until <= " now
#define EPOCH_MS(moment)  "floor(extract(epoch FROM " moment ") * 1000)::bigint"
/* clang-format off */
#define CLAIM(row, now) \
    row ".reservation_id, " row ".user_id, " row ".concert_id, " row ".date, " row ".seat_no, " \
    row ".price_won, " row ".currency," \
    " CASE WHEN " IS_PAST(row, now) " THEN 'EXPIRED' ELSE " row ".status END," \
    " CASE WHEN " row ".status IN ('HELD', 'PAYING') AND " row ".claim_until > " now \
    " THEN " EPOCH_MS(row ".claim_until") " ELSE 0 END, " \
    EPOCH_MS(row ".created_at") ", " row ".version, coalesce(" row ".payment_id::text, '')"
/* clang-format on */

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

static uint64_t date_key(const char *concert_id, const char *date)
{
    char text[UUID_TEXT_SIZE + CLOCK_DATE_SIZE];
    snprintf(text, sizeof text, "%s/%s", concert_id, date);
    return base_hash64(text);
}

/* --- reserve --- */

/* A key is kept for 24 hours. */
#define IS_AGED "created_at <= statement_timestamp() - interval '24 hours'"

/* The hottest statement there is: all holds of a batch at once, in order of arrival. Whoever meets
 * no row in any unique index has the seat; everyone else gets no row here, and asks again by the
 * statement below, which clears away what has lapsed and says why not. */
/* clang-format off */
const struct db_statement claim_hold_statement = {
    .name = "hold",
    .mode = DB_WRITE_LOCKED,
    .takes_many = true,
    .sql =
        "WITH made AS ("
        "  INSERT INTO reservation (reservation_id, user_id, concert_id, date, seat_no, price_won,"
        "    currency, status, hold_until, claim_until, token_id, queue, idempotency_key, created_at)"
        "  SELECT reservation_id, user_id, concert_id, date, seat_no, price_won, currency, 'HELD',"
        "    statement_timestamp() + ttl_ms * interval '1 ms',"
        "    statement_timestamp() + ttl_ms * interval '1 ms',"
        "    token_id, queue, idempotency_key, statement_timestamp()"
        "  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::date[], $5::int[], $6::bigint[],"
        "    $7::text[], $8::bigint[], $9::uuid[], $10::text[], $11::text[])"
        "    AS wish (reservation_id, user_id, concert_id, date, seat_no, price_won, currency, ttl_ms,"
        "      token_id, queue, idempotency_key)"
        "  ON CONFLICT DO NOTHING"
        "  RETURNING reservation_id, version, created_at, claim_until"
        ")"
        " SELECT array_position($1::uuid[], reservation_id), 'DONE', reservation_id, version, "
           EPOCH_MS("created_at") ", " EPOCH_MS("claim_until") " FROM made",
};
/* clang-format on */

/* A rival is found by the index of seats or by that of users, never by walking the date. `made`
 * depends on `lapsed` (it counts it), so a lapsed claim has left the unique indexes before the new
 * one enters them. statement_timestamp() is one moment for all of it, and comes after the date's
 * lock, which is a statement of its own. The answer holds what the caller cannot know; the earlier
 * claim of a repeated key is read by its id, as that is rare. */
/* clang-format off */
#define RIVAL(which) \
    "SELECT reservation_id, user_id = $2::uuid AS own, status = 'CONFIRMED' AS sold," \
    "   status = 'CONFIRMED' OR claim_until > statement_timestamp() AS live" \
    " FROM reservation WHERE concert_id = $3::uuid AND date = $4::date AND " which \
    " AND status IN ('HELD', 'PAYING', 'CONFIRMED')"
static const struct db_statement reserve_statement = {
    .name = "reserve",
    .mode = DB_WRITE_LOCKED,
    .sql =
        "WITH earlier AS MATERIALIZED ("
        "  SELECT reservation_id, (concert_id, date, seat_no) = ($3::uuid, $4::date, $5::int) AS same,"
        "    " IS_AGED " AS aged, concert_id, date"
        "  FROM reservation WHERE $11::text <> '' AND user_id = $2::uuid"
        "    AND idempotency_key = $11::text AND idempotency_key <> ''"
        "), rival AS MATERIALIZED ("
           RIVAL("seat_no = $5::int")
        "  UNION ALL "
           RIVAL("user_id = $2::uuid AND seat_no <> $5::int")
        "), lapsed AS ("
        "  UPDATE reservation SET status = 'EXPIRED', version = nextval('reservation_version')"
        "  WHERE reservation_id = ANY (ARRAY(SELECT reservation_id FROM rival WHERE NOT live))"
        "  RETURNING 1"
        "), made AS ("
        "  INSERT INTO reservation (reservation_id, user_id, concert_id, date, seat_no, price_won,"
        "    currency, status, hold_until, claim_until, token_id, queue, idempotency_key, created_at)"
        "  SELECT $1::uuid, $2::uuid, $3::uuid, $4::date, $5::int, $6::bigint, $7::text, 'HELD',"
        "    statement_timestamp() + $8::bigint * interval '1 ms',"
        "    statement_timestamp() + $8::bigint * interval '1 ms',"
        "    $9::uuid, $10::text, $11::text, statement_timestamp()"
        "  WHERE NOT EXISTS (SELECT FROM earlier) AND NOT EXISTS (SELECT FROM rival WHERE live)"
        "    AND (SELECT count(*) FROM lapsed) >= 0"
        "  RETURNING reservation_id, version, created_at, claim_until"
        ")"
        " SELECT 'DONE', reservation_id, version, " EPOCH_MS("created_at") ", "
           EPOCH_MS("claim_until") ", NULL, NULL FROM made"
        " UNION ALL SELECT CASE WHEN aged THEN 'AGED' WHEN same THEN 'REPLAYED' ELSE 'REUSED' END,"
        "   reservation_id, 0, 0, 0, concert_id, date FROM earlier"
        " UNION ALL SELECT CASE WHEN own THEN 'OWN' WHEN sold THEN 'SOLD' ELSE 'HELD' END,"
        "   NULL, 0, 0, 0, NULL, NULL FROM rival WHERE live",
};
/* clang-format on */

/* In a statement of its own under the lock of the key's own date, as every change of a row. */
static const struct db_statement forget_statement = {
    .name = "forget",
    .mode = DB_WRITE_LOCKED,
    .sql = "UPDATE reservation SET idempotency_key = ''"
           " WHERE reservation_id = $1::uuid AND " IS_AGED,
};

static enum status forget_key(struct ctx *ctx, struct db *db, const struct db_rows *rows,
                              size_t row)
{
    struct db_params params;
    db_params_init(&params, ctx);
    db_add_text(&params, db_text(rows, row, 1));
    return db_run(ctx, db, &forget_statement, &params,
                  date_key(db_text(rows, row, 5), db_text(rows, row, 6)), NULL);
}

/* What a row of the answer means. There may be one of `earlier` and two of `rival`: the first of
 * this list counts, so that a repeat is told before a refusal, and what the user has before what
 * others have. */
static const struct {
    const char *name;
    enum status status;
} outcomes[] = {
    {"DONE", ST_OK},
    {"AGED", ST_OK},
    {"REPLAYED", ST_OK},
    {"REUSED", ST_IDEMPOTENCY_KEY_REUSED},
    {"OWN", ST_ONE_SEAT_PER_DATE},
    {"SOLD", ST_SEAT_SOLD},
    {"HELD", ST_SEAT_HELD},
};

static enum status read_outcome(struct ctx *ctx, const struct db_rows *rows, size_t *ret_row)
{
    for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
        for (size_t row = 0; row < rows->row_count; row++) {
            if (strcmp(db_text(rows, row, 0), outcomes[i].name) == 0) {
                *ret_row = row;
                return outcomes[i].status;
            }
        }
    }
    return ctx_fail(ctx, ST_INTERNAL, "a reservation without an outcome");
}

#define CURRENCY "KRW"

/* The same key may be used for another date at the same time, under that date's lock: its own lock
 * lets one of the two see the other's row, and neither wait for it in the middle of a batch. */
static uint64_t user_key(const struct claim_wish *wish)
{
    char text[UUID_TEXT_SIZE + CLAIM_KEY_MAX + 1];
    snprintf(text, sizeof text, "%s/%s", wish->user_id, wish->idempotency_key);
    return base_hash64(text);
}

static enum status run_wish(struct ctx *ctx, struct db *db, const struct db_statement *statement,
                            const struct claim_wish *wish, struct db_rows *ret_rows)
{
    struct uuid reservation_id;
    uuid_v7(&reservation_id);
    const char *id = arena_strdup(ctx->arena, reservation_id.text);
    if (id == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    struct db_params params;
    db_params_init(&params, ctx);
    db_add_text(&params, id);
    db_add_text(&params, wish->user_id);
    db_add_text(&params, wish->concert_id);
    db_add_text(&params, wish->date);
    db_add_int64(&params, wish->seat_no);
    db_add_int64(&params, wish->price_won);
    db_add_text(&params, CURRENCY);
    db_add_int64(&params, wish->hold_ttl_ms);
    db_add_text(&params, wish->token_id);
    db_add_text(&params, wish->queue);
    db_add_text(&params, wish->idempotency_key);
    if (wish->idempotency_key[0] != '\0')
        db_add_lock(&params, user_key(wish));
    return db_run(ctx, db, statement, &params, date_key(wish->concert_id, wish->date), ret_rows);
}

static void read_made(const struct db_rows *rows, size_t row, const struct claim_wish *wish,
                      struct claim *ret_claim)
{
    struct claim claim = {
        .seat_no = wish->seat_no,
        .price_won = wish->price_won,
        .status = CLAIM_HELD,
        .currency = CURRENCY,
        .version = db_int64(rows, row, 2),
        .created_at_unix_ms = db_int64(rows, row, 3),
        .held_until_unix_ms = db_int64(rows, row, 4),
    };
    base_copy_text(claim.reservation_id.text, UUID_TEXT_SIZE, db_text(rows, row, 1));
    base_copy_text(claim.user_id.text, UUID_TEXT_SIZE, wish->user_id);
    base_copy_text(claim.concert_id.text, UUID_TEXT_SIZE, wish->concert_id);
    base_copy_text(claim.date, sizeof claim.date, wish->date);
    *ret_claim = claim;
}

static bool is_outcome(const struct db_rows *rows, size_t row, const char *name)
{
    return strcmp(db_text(rows, row, 0), name) == 0;
}

/* The whole statement, and once more when all that stood in the way was a key of long ago. */
static enum status reserve_or_say_why(struct ctx *ctx, struct db *db, const struct claim_wish *wish,
                                      struct db_rows *rows, size_t *ret_row)
{
    TRY(run_wish(ctx, db, &reserve_statement, wish, rows));
    TRY(read_outcome(ctx, rows, ret_row));
    if (!is_outcome(rows, *ret_row, "AGED"))
        return ST_OK;
    TRY(forget_key(ctx, db, rows, *ret_row));
    TRY(run_wish(ctx, db, &reserve_statement, wish, rows));
    TRY(read_outcome(ctx, rows, ret_row));
    return is_outcome(rows, *ret_row, "AGED") ? ctx_fail(ctx, ST_CONFLICT, "a key came back")
                                              : ST_OK;
}

enum status claim_store_reserve(struct ctx *ctx, struct db *db, const struct claim_wish *wish,
                                struct claim *ret_claim, bool *ret_replayed)
{
    struct db_rows rows;
    size_t row = 0;
    TRY(run_wish(ctx, db, &claim_hold_statement, wish, &rows));
    if (rows.row_count == 0)
        TRY(reserve_or_say_why(ctx, db, wish, &rows, &row));
    *ret_replayed = is_outcome(&rows, row, "REPLAYED");
    if (*ret_replayed)
        return claim_store_get(ctx, db, db_text(&rows, row, 1), ret_claim);
    read_made(&rows, row, wish, ret_claim);
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
               date_key(move->claim->concert_id.text, move->claim->date), &rows));
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
        TRY(db_run(ctx, db, tidy, &params, date_key(concert_id, date), &swept));
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
