#include "store.h"

#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "db/db.h"

/* A payment in the columns that read_payment knows, NULLs turned into what struct payment has for
 * "not yet". */
#define COLUMNS                                                                                    \
    "payment_id, user_id, reservation_id, debit_id, token_id, queue, state,"                       \
    " coalesce(failure_code, 'OK') AS failure_code, coalesce(amount_won, 0) AS amount_won,"        \
    " coalesce(currency, '') AS currency, concert_id, to_char(date, 'YYYY-MM-DD') AS date,"        \
    " coalesce(seat_no, 0) AS seat_no, coalesce(balance_after_won, 0) AS balance_after_won,"       \
    " floor(extract(epoch FROM created_at) * 1000)::bigint AS created_ms,"                         \
    " coalesce(floor(extract(epoch FROM paid_at) * 1000)::bigint, 0) AS paid_ms,"                  \
    " attempts, lease_id"
enum { COLUMN_COUNT = 18 };

static bool read_uuid(const struct db_rows *rows, size_t row, size_t column, struct uuid *ret_uuid)
{
    return db_is_null(rows, row, column) || uuid_parse(db_text(rows, row, column), ret_uuid);
}

/* Reads COLUMNS from `first` on. */
static enum status read_payment(struct ctx *ctx, const struct db_rows *rows, size_t row,
                                size_t first, struct payment *ret_payment)
{
    struct payment payment = {0};
    bool whole = rows->column_count >= first + COLUMN_COUNT;

    whole = whole && read_uuid(rows, row, first, &payment.payment_id);
    whole = whole && read_uuid(rows, row, first + 1, &payment.user_id);
    whole = whole && read_uuid(rows, row, first + 2, &payment.reservation_id);
    whole = whole && read_uuid(rows, row, first + 3, &payment.debit_id);
    whole = whole && read_uuid(rows, row, first + 4, &payment.token_id);
    whole = whole && saga_state_from_name(db_text(rows, row, first + 6), &payment.state);
    whole = whole && status_from_name(db_text(rows, row, first + 7), &payment.failure);
    whole = whole && read_uuid(rows, row, first + 10, &payment.claim.concert_id);
    whole = whole && read_uuid(rows, row, first + 17, &payment.lease_id);
    if (!whole)
        return ctx_fail(ctx, ST_INTERNAL, "unreadable payment row");

    base_copy_text(payment.queue, sizeof(payment.queue), db_text(rows, row, first + 5));
    payment.claim.amount_won = db_int64(rows, row, first + 8);
    base_copy_text(payment.claim.currency, sizeof(payment.claim.currency),
                   db_text(rows, row, first + 9));
    base_copy_text(payment.claim.date, sizeof(payment.claim.date), db_text(rows, row, first + 11));
    payment.claim.seat_no = (int32_t)db_int64(rows, row, first + 12);
    payment.balance_after_won = db_int64(rows, row, first + 13);
    payment.created_at_unix_ms = db_int64(rows, row, first + 14);
    payment.paid_at_unix_ms = db_int64(rows, row, first + 15);
    payment.attempts = db_int64(rows, row, first + 16);
    *ret_payment = payment;
    return ST_OK;
}

/* How long a key is kept. One whose payment still runs is kept for longer. */
#define KEY_KEPT   "interval '24 hours'"
#define IS_OVER    "state IN ('COMPLETED', 'FAILED')"
#define IS_PENDING "state NOT IN ('EXPIRING_TOKEN', 'COMPLETED', 'FAILED')"

/* The end of a lease that the database is about to give: it starts to count no earlier than now. */
static int64_t lease_end_us(int64_t lease_ms)
{
    return clock_monotonic_us() + lease_ms * 1000;
}

/* Everything a user's payments could collide on is theirs alone, so the user's lock makes this
 * statement free of surprises: what it sees is all there is. A key that is not good any more is
 * taken over, whether or not the sweeper has been there. */
static const struct db_statement start_statement = {
    .name = "start",
    .mode = DB_WRITE_LOCKED,
    .sql =
        "WITH earlier AS ("
        "  SELECT p.* FROM payment_key k JOIN payment p USING (payment_id)"
        "  WHERE k.user_id = $2::uuid AND k.idempotency_key = $4::text"
        "    AND (k.created_at > clock_timestamp() - " KEY_KEPT " OR NOT p." IS_OVER ")"
        "), live AS ("
        "  SELECT * FROM payment WHERE user_id = $2::uuid AND reservation_id = $3::uuid"
        "    AND state <> 'FAILED' AND NOT EXISTS (SELECT FROM earlier)"
        "), created AS ("
        "  INSERT INTO payment (payment_id, user_id, reservation_id, idempotency_key, debit_id,"
        "    token_id, queue, lease_id, lease_until)"
        "  SELECT $1::uuid, $2::uuid, $3::uuid, $4::text, $5::uuid, $6::uuid, $7::text, $8::uuid,"
        "    clock_timestamp() + $9::bigint * interval '1 ms'"
        "  WHERE NOT EXISTS (SELECT FROM earlier) AND NOT EXISTS (SELECT FROM live)"
        "    AND NOT $10::boolean"
        "  RETURNING *"
        "), kept AS ("
        "  INSERT INTO payment_key (user_id, idempotency_key, payment_id, created_at)"
        "  SELECT user_id, idempotency_key, payment_id, created_at FROM created"
        "  ON CONFLICT (user_id, idempotency_key) DO UPDATE"
        "    SET payment_id = excluded.payment_id, created_at = excluded.created_at"
        ")"
        " SELECT 'CREATED', " COLUMNS " FROM created"
        " UNION ALL SELECT 'EARLIER', " COLUMNS " FROM earlier"
        " UNION ALL SELECT CASE WHEN paid_at IS NULL THEN 'RUNNING' ELSE 'PAID' END, " COLUMNS
        "   FROM live WHERE NOT $10::boolean",
};

enum status payment_store_start(struct ctx *ctx, struct db *db, const struct payment_order *order,
                                struct payment *ret_payment, bool *ret_created)
{
    struct uuid payment_id, debit_id, lease_id;
    uuid_v7(&payment_id);
    uuid_v7(&debit_id);
    uuid_v4(&lease_id);

    struct db_params params;
    db_params_init(&params, ctx);
    db_add_text(&params, payment_id.text);
    db_add_text(&params, order->user_id);
    db_add_text(&params, order->reservation_id);
    db_add_text(&params, order->idempotency_key);
    db_add_text(&params, debit_id.text);
    db_add_text(&params, order->token_id);
    db_add_text(&params, order->queue);
    db_add_text(&params, lease_id.text);
    db_add_int64(&params, order->lease_ms);
    db_add_bool(&params, order->replay_only);

    const int64_t end_us = lease_end_us(order->lease_ms);
    struct db_rows rows;
    TRY(db_run(ctx, db, &start_statement, &params, base_hash64(order->user_id), &rows));
    if (order->replay_only && rows.row_count == 0)
        return ctx_fail(ctx, ST_TOKEN_EXPIRED, "no payment of this key to answer with");
    if (rows.row_count != 1)
        return ctx_fail(ctx, ST_INTERNAL, "a start answered %zu rows", rows.row_count);

    const char *outcome = db_text(&rows, 0, 0);
    if (strcmp(outcome, "PAID") == 0)
        return ST_ALREADY_PAID;
    if (strcmp(outcome, "RUNNING") == 0)
        return ST_PAYMENT_IN_PROGRESS;
    TRY(read_payment(ctx, &rows, 0, 1, ret_payment));
    *ret_created = strcmp(outcome, "CREATED") == 0;
    ret_payment->lease_end_us = *ret_created ? end_us : 0;
    return ST_OK;
}

/* The claim's columns are set once and then kept, whatever a later call brings. */
static const struct db_statement record_statement = {
    .name = "record",
    .mode = DB_WRITE,
    .sql =
        "UPDATE payment SET state = $4::text, failure_code = $5::text, attempts = 0,"
        "  amount_won = coalesce(amount_won, $6::bigint), currency = coalesce(currency, $7::text),"
        "  concert_id = coalesce(concert_id, $8::uuid), date = coalesce(date, $9::date),"
        "  seat_no = coalesce(seat_no, $10::integer),"
        "  balance_after_won = CASE WHEN $3::text = 'DEBITING' AND $4::text = 'CONFIRMING'"
        "    THEN $11::bigint ELSE balance_after_won END,"
        "  paid_at = CASE WHEN $4::text = 'EXPIRING_TOKEN' AND paid_at IS NULL"
        "    THEN clock_timestamp() ELSE paid_at END,"
        "  updated_at = clock_timestamp(),"
        "  lease_until = clock_timestamp() + $12::bigint * interval '1 ms'"
        " WHERE payment_id = $1::uuid AND lease_id = $2::uuid AND state IN ($3::text, $4::text)"
        " RETURNING " COLUMNS,
};

enum status payment_store_record(struct ctx *ctx, struct db *db, struct payment *payment,
                                 enum saga_state from, int64_t lease_ms)
{
    const struct payment_claim *claim = &payment->claim;

    struct db_params params;
    db_params_init(&params, ctx);
    db_add_text(&params, payment->payment_id.text);
    db_add_text(&params, payment->lease_id.text);
    db_add_text(&params, saga_state_name(from));
    db_add_text(&params, saga_state_name(payment->state));
    db_add_text(&params, payment->failure == ST_OK ? NULL : status_name(payment->failure));
    if (claim->amount_won > 0) {
        db_add_int64(&params, claim->amount_won);
        db_add_text(&params, claim->currency);
        db_add_text(&params, claim->concert_id.text);
        db_add_text(&params, claim->date);
        db_add_int64(&params, claim->seat_no);
    } else {
        for (int i = 0; i < 5; i++)
            db_add_text(&params, NULL);
    }
    db_add_int64(&params, payment->balance_after_won);
    db_add_int64(&params, lease_ms);

    const int64_t end_us = lease_end_us(lease_ms);
    struct db_rows rows;
    TRY(db_run(ctx, db, &record_statement, &params, base_hash64(payment->user_id.text), &rows));
    if (rows.row_count == 0)
        return ctx_fail(ctx, ST_CONFLICT, "the payment's lease was lost");
    TRY(read_payment(ctx, &rows, 0, 0, payment));
    payment->lease_end_us = end_us;
    return ST_OK;
}

static const struct db_statement defer_statement = {
    .name = "defer",
    .mode = DB_WRITE,
    .sql = "UPDATE payment SET lease_id = NULL, attempts = attempts + 1,"
           "  lease_until = clock_timestamp() + $3::bigint * interval '1 ms'"
           " WHERE payment_id = $1::uuid AND lease_id = $2::uuid"
           "   AND state NOT IN ('COMPLETED', 'FAILED')",
};

enum status payment_store_defer(struct ctx *ctx, struct db *db, const struct payment *payment,
                                int64_t delay_ms)
{
    struct db_params params;
    db_params_init(&params, ctx);
    db_add_text(&params, payment->payment_id.text);
    db_add_text(&params, payment->lease_id.text);
    db_add_int64(&params, delay_ms);

    struct db_rows rows;
    return db_run(ctx, db, &defer_statement, &params, base_hash64(payment->user_id.text), &rows);
}

/* The highest key: such a statement locks rows of any user, and comes last in its batch so that
 * none follows that could wait while they are locked. It never waits itself. */
#define LAST_KEY UINT64_MAX

#define TAKE_OVER(which)                                                                           \
    "UPDATE payment SET lease_id = $1::uuid,"                                                      \
    "  lease_until = clock_timestamp() + $2::bigint * interval '1 ms'"                             \
    " WHERE payment_id = ("                                                                        \
    "   SELECT payment_id FROM payment WHERE " which " AND lease_until <= clock_timestamp()"       \
    "   ORDER BY lease_until LIMIT 1 FOR UPDATE SKIP LOCKED)"                                      \
    " RETURNING " COLUMNS

static const struct db_statement take_over_statements[] = {
    [PAYMENT_WORK_SETTLE] = {.name = "take_over", .mode = DB_WRITE, .sql = TAKE_OVER(IS_PENDING)},
    [PAYMENT_WORK_TOKENS] = {.name = "take_over_token",
                             .mode = DB_WRITE,
                             .sql = TAKE_OVER("state = 'EXPIRING_TOKEN'")},
};

enum status payment_store_take_over(struct ctx *ctx, struct db *db, enum payment_work work,
                                    int64_t lease_ms, struct payment *ret_payment, bool *ret_found)
{
    struct uuid lease_id;
    uuid_v4(&lease_id);

    struct db_params params;
    db_params_init(&params, ctx);
    db_add_text(&params, lease_id.text);
    db_add_int64(&params, lease_ms);

    const int64_t end_us = lease_end_us(lease_ms);
    struct db_rows rows;
    TRY(db_run(ctx, db, &take_over_statements[work], &params, LAST_KEY, &rows));
    if (rows.row_count == 0) {
        *ret_found = false;
        return ST_OK;
    }
    TRY(read_payment(ctx, &rows, 0, 0, ret_payment));
    ret_payment->lease_end_us = end_us;
    *ret_found = true;
    return ST_OK;
}

static const struct db_statement get_statement = {
    .name = "get",
    .mode = DB_READ,
    .sql = "SELECT " COLUMNS " FROM payment WHERE payment_id = $1::uuid AND user_id = $2::uuid",
};

enum status payment_store_get(struct ctx *ctx, struct db *db, const char *payment_id,
                              const char *user_id, struct payment *ret_payment)
{
    struct db_params params;
    db_params_init(&params, ctx);
    db_add_text(&params, payment_id);
    db_add_text(&params, user_id);

    struct db_rows rows;
    TRY(db_run(ctx, db, &get_statement, &params, base_hash64(user_id), &rows));
    if (rows.row_count == 0)
        return ST_PAYMENT_NOT_FOUND;
    return read_payment(ctx, &rows, 0, 0, ret_payment);
}

static const struct db_statement list_statement = {
    .name = "list",
    .mode = DB_READ,
    .sql = "SELECT " COLUMNS " FROM payment"
           " WHERE user_id = $1::uuid AND payment_id < $2::uuid"
           "   AND (amount_won IS NOT NULL OR state <> 'FAILED')"
           " ORDER BY payment_id DESC LIMIT $3::bigint",
};

enum status payment_store_list(struct ctx *ctx, struct db *db, const char *user_id,
                               const struct uuid *before, size_t limit,
                               const struct payment **ret_payments, size_t *ret_count)
{
    struct db_params params;
    db_params_init(&params, ctx);
    db_add_text(&params, user_id);
    db_add_text(&params, before->text);
    db_add_int64(&params, (int64_t)limit);

    struct db_rows rows;
    TRY(db_run(ctx, db, &list_statement, &params, base_hash64(user_id), &rows));

    struct payment *payments = arena_calloc(ctx->arena, rows.row_count + 1, sizeof(*payments));
    if (!payments)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < rows.row_count; i++)
        TRY(read_payment(ctx, &rows, i, 0, &payments[i]));
    *ret_payments = payments;
    *ret_count = rows.row_count;
    return ST_OK;
}

static const struct db_statement backlog_statement = {
    .name = "backlog",
    .mode = DB_READ,
    .sql = "SELECT count(*), coalesce(floor(extract(epoch FROM"
           "  clock_timestamp() - min(created_at)) * 1000), 0)::bigint,"
           "  (SELECT count(*) FROM payment WHERE state = 'EXPIRING_TOKEN')"
           " FROM payment WHERE " IS_PENDING,
};

enum status payment_store_read_backlog(struct ctx *ctx, struct db *db,
                                       struct payment_backlog *ret_backlog)
{
    struct db_params params;
    db_params_init(&params, ctx);

    struct db_rows rows;
    TRY(db_run(ctx, db, &backlog_statement, &params, 0, &rows));
    ret_backlog->unfinished = db_int64(&rows, 0, 0);
    ret_backlog->oldest_ms = db_int64(&rows, 0, 1);
    ret_backlog->tokens = db_int64(&rows, 0, 2);
    return ST_OK;
}

static const struct db_statement count_statement = {
    .name = "count",
    .mode = DB_READ,
    .sql = "SELECT state, count(*), coalesce(sum(amount_won), 0)::bigint FROM payment GROUP BY 1",
};

enum status payment_store_count(struct ctx *ctx, struct db *db,
                                struct payment_count ret_counts[static SAGA_STATE_COUNT],
                                size_t *ret_count)
{
    struct db_params params;
    db_params_init(&params, ctx);

    struct db_rows rows;
    TRY(db_run(ctx, db, &count_statement, &params, 0, &rows));
    size_t count = 0;
    for (int state = 0; state < SAGA_STATE_COUNT; state++) {
        for (size_t i = 0; i < rows.row_count; i++) {
            if (strcmp(db_text(&rows, i, 0), saga_state_name((enum saga_state)state)) != 0)
                continue;
            ret_counts[count] = (struct payment_count){.state = (enum saga_state)state,
                                                       .count = db_int64(&rows, i, 1),
                                                       .amount_won = db_int64(&rows, i, 2)};
            count++;
        }
    }
    *ret_count = count;
    return ST_OK;
}

static const struct db_statement sweep_keys_statement = {
    .name = "sweep_keys",
    .mode = DB_WRITE,
    .sql =
        "DELETE FROM payment_key WHERE (user_id, idempotency_key) IN ("
        "  SELECT k.user_id, k.idempotency_key FROM payment_key k JOIN payment p USING (payment_id)"
        "  WHERE k.created_at <= clock_timestamp() - " KEY_KEPT " AND p." IS_OVER
        "  ORDER BY k.created_at LIMIT $1::bigint FOR UPDATE OF k SKIP LOCKED)",
};

enum status payment_store_sweep_keys(struct ctx *ctx, struct db *db, int64_t limit,
                                     int64_t *ret_count)
{
    struct db_params params;
    db_params_init(&params, ctx);
    db_add_int64(&params, limit);

    struct db_rows rows;
    TRY(db_run(ctx, db, &sweep_keys_statement, &params, LAST_KEY, &rows));
    *ret_count = rows.affected;
    return ST_OK;
}
