#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "db/db.h"
#include "statements.h"
#include "store.h"

#define CURRENCY "KRW"

uint64_t claim_date_key(const char *concert_id, const char *date)
{
    char text[UUID_TEXT_SIZE + CLOCK_DATE_SIZE];
    snprintf(text, sizeof text, "%s/%s", concert_id, date);
    return base_hash64(text);
}

/* The hottest statement there is: all holds of a batch at once, in order of arrival. Whoever meets
 * no row in any unique index has the seat; everyone else gets no row here, and asks why. */
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

/* What stands in the way: an earlier claim with the key, and rivals for the seat or of the user. A
 * rival is found by the index of seats or by that of users, never by walking the date. */
/* clang-format off */
#define RIVAL(which) \
    "SELECT reservation_id, user_id = $1::uuid AS own, status = 'CONFIRMED' AS sold," \
    "   status = 'CONFIRMED' OR claim_until > statement_timestamp() AS live" \
    " FROM reservation WHERE concert_id = $2::uuid AND date = $3::date AND " which \
    " AND status IN ('HELD', 'PAYING', 'CONFIRMED')"
#define WHAT_STANDS \
    "WITH earlier AS MATERIALIZED (" \
    "  SELECT reservation_id, (concert_id, date, seat_no) = ($2::uuid, $3::date, $4::int) AS same," \
    "    " IS_AGED " AS aged, concert_id, date" \
    "  FROM reservation WHERE $5::text <> '' AND user_id = $1::uuid" \
    "    AND idempotency_key = $5::text AND idempotency_key <> ''" \
    "), rival AS MATERIALIZED (" \
       RIVAL("seat_no = $4::int") \
    "  UNION ALL " \
       RIVAL("user_id = $1::uuid AND seat_no <> $4::int") \
    ")"
#define WHAT_IT_MEANS \
    " SELECT CASE WHEN aged THEN 'AGED' WHEN same THEN 'REPLAYED' ELSE 'REUSED' END," \
    "   reservation_id, 0, 0, 0, concert_id, date FROM earlier" \
    " UNION ALL SELECT CASE WHEN own THEN 'OWN' WHEN sold THEN 'SOLD' ELSE 'HELD' END," \
    "   NULL, 0, 0, 0, NULL, NULL FROM rival WHERE live"

/* Most who lose have lost to a live claim. They are told by a read, which waits for no lock and no
 * commit, so a crowd before one seat leaves the writers of its date, and of others, alone. */
static const struct db_statement why_statement = {
    .name = "why",
    .mode = DB_READ,
    .sql = WHAT_STANDS WHAT_IT_MEANS " UNION ALL SELECT 'FREE', NULL, 0, 0, 0, NULL, NULL",
};

/* For the rest: clears away what has lapsed, and takes the seat if it is free then. `made` depends
 * on `lapsed` (it counts it), so a lapsed claim has left the unique indexes before the new one
 * enters them. statement_timestamp() is one moment for all of it, and comes after the locks, which
 * are a statement of their own. The answer holds what the caller cannot know; the earlier claim of a
 * repeated key is read by its id, as that is rare. */
static const struct db_statement reserve_statement = {
    .name = "reserve",
    .mode = DB_WRITE_LOCKED,
    .sql =
        WHAT_STANDS
        ", lapsed AS ("
        "  UPDATE reservation SET status = 'EXPIRED', version = nextval('reservation_version')"
        "  WHERE reservation_id = ANY (ARRAY(SELECT reservation_id FROM rival WHERE NOT live))"
        "  RETURNING 1"
        "), made AS ("
        "  INSERT INTO reservation (reservation_id, user_id, concert_id, date, seat_no, price_won,"
        "    currency, status, hold_until, claim_until, token_id, queue, idempotency_key, created_at)"
        "  SELECT $6::uuid, $1::uuid, $2::uuid, $3::date, $4::int, $7::bigint, $8::text, 'HELD',"
        "    statement_timestamp() + $9::bigint * interval '1 ms',"
        "    statement_timestamp() + $9::bigint * interval '1 ms',"
        "    $10::uuid, $11::text, $5::text, statement_timestamp()"
        "  WHERE NOT EXISTS (SELECT FROM earlier) AND NOT EXISTS (SELECT FROM rival WHERE live)"
        "    AND (SELECT count(*) FROM lapsed) >= 0"
        "  RETURNING reservation_id, version, created_at, claim_until"
        ")"
        " SELECT 'DONE', reservation_id, version, " EPOCH_MS("created_at") ", "
           EPOCH_MS("claim_until") ", NULL, NULL FROM made"
        " UNION ALL" WHAT_IT_MEANS,
};
/* clang-format on */

/* In a statement of its own under the lock of the key's own date, as every change of a row. */
static const struct db_statement forget_statement = {
    .name = "forget",
    .mode = DB_WRITE_LOCKED,
    .sql = "UPDATE reservation SET idempotency_key = ''"
           " WHERE reservation_id = $1::uuid AND " IS_AGED,
};

/* What a row of the answer means. There may be one of `earlier` and two of `rival`: the first of
 * this list counts, so that a repeat is told before a refusal, and what the user has before what
 * others have. FREE: nothing stands in the way any more. */
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
    {"FREE", ST_OK},
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

/* The same key may be used for another date at the same time, under that date's lock: its own lock
 * lets one of the two see the other's row, and neither wait for it in the middle of a batch. */
static uint64_t user_key(const struct claim_wish *wish)
{
    char text[UUID_TEXT_SIZE + CLAIM_KEY_MAX + 1];
    snprintf(text, sizeof text, "%s/%s", wish->user_id, wish->idempotency_key);
    return base_hash64(text);
}

static enum status give_id(struct ctx *ctx, const char **ret_id)
{
    struct uuid id;
    uuid_v7(&id);
    *ret_id = arena_strdup(ctx->arena, id.text);
    return *ret_id != NULL ? ST_OK : ctx_fail(ctx, ST_OVERLOADED, "arena full");
}

static enum status run_write(struct ctx *ctx, struct db *db, const struct db_statement *statement,
                             const struct claim_wish *wish, struct db_params *params,
                             struct db_rows *ret_rows)
{
    if (wish->idempotency_key[0] != '\0')
        db_add_lock(params, user_key(wish));
    return db_run(ctx, db, statement, params, claim_date_key(wish->concert_id, wish->date),
                  ret_rows);
}

static enum status hold(struct ctx *ctx, struct db *db, const struct claim_wish *wish,
                        struct db_rows *ret_rows)
{
    const char *id;
    struct db_params params;
    TRY(give_id(ctx, &id));
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
    return run_write(ctx, db, &claim_hold_statement, wish, &params, ret_rows);
}

/* The parameters of WHAT_STANDS. */
static void add_question(struct db_params *params, const struct claim_wish *wish)
{
    db_add_text(params, wish->user_id);
    db_add_text(params, wish->concert_id);
    db_add_text(params, wish->date);
    db_add_int64(params, wish->seat_no);
    db_add_text(params, wish->idempotency_key);
}

static enum status ask_why(struct ctx *ctx, struct db *db, const struct claim_wish *wish,
                           struct db_rows *ret_rows)
{
    struct db_params params;
    db_params_init(&params, ctx);
    add_question(&params, wish);
    return db_run(ctx, db, &why_statement, &params, 0, ret_rows);
}

static enum status clear_and_hold(struct ctx *ctx, struct db *db, const struct claim_wish *wish,
                                  struct db_rows *ret_rows)
{
    const char *id;
    struct db_params params;
    TRY(give_id(ctx, &id));
    db_params_init(&params, ctx);
    add_question(&params, wish);
    db_add_text(&params, id);
    db_add_int64(&params, wish->price_won);
    db_add_text(&params, CURRENCY);
    db_add_int64(&params, wish->hold_ttl_ms);
    db_add_text(&params, wish->token_id);
    db_add_text(&params, wish->queue);
    return run_write(ctx, db, &reserve_statement, wish, &params, ret_rows);
}

static enum status forget_key(struct ctx *ctx, struct db *db, const struct db_rows *rows,
                              size_t row)
{
    struct db_params params;
    db_params_init(&params, ctx);
    db_add_text(&params, db_text(rows, row, 1));
    return db_run(ctx, db, &forget_statement, &params,
                  claim_date_key(db_text(rows, row, 5), db_text(rows, row, 6)), NULL);
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

/* A hold that met something: refused by a live claim, a repeat, or in the way of the dead only. */
static enum status find_out(struct ctx *ctx, struct db *db, const struct claim_wish *wish,
                            struct db_rows *rows, size_t *ret_row)
{
    TRY(ask_why(ctx, db, wish, rows));
    TRY(read_outcome(ctx, rows, ret_row));
    if (is_outcome(rows, *ret_row, "REPLAYED"))
        return ST_OK;
    if (is_outcome(rows, *ret_row, "AGED"))
        TRY(forget_key(ctx, db, rows, *ret_row));
    TRY(clear_and_hold(ctx, db, wish, rows));
    TRY(read_outcome(ctx, rows, ret_row));
    return is_outcome(rows, *ret_row, "AGED") ? ctx_fail(ctx, ST_CONFLICT, "a key came of age")
                                              : ST_OK;
}

enum status claim_store_reserve(struct ctx *ctx, struct db *db, const struct claim_wish *wish,
                                struct claim *ret_claim, bool *ret_replayed)
{
    struct db_rows rows;
    size_t row = 0;
    TRY(hold(ctx, db, wish, &rows));
    if (rows.row_count == 0)
        TRY(find_out(ctx, db, wish, &rows, &row));
    *ret_replayed = is_outcome(&rows, row, "REPLAYED");
    if (*ret_replayed)
        return claim_store_get(ctx, db, db_text(&rows, row, 1), ret_claim);
    read_made(&rows, row, wish, ret_claim);
    return ST_OK;
}
