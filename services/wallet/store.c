#include "store.h"

#include <string.h>

#include "db/db.h"

/* Every movement's statement answers in the same columns: outcome, entry_id, amount_won,
 * balance_after_won. */
enum { COLUMN_OUTCOME, COLUMN_ENTRY_ID, COLUMN_AMOUNT, COLUMN_BALANCE };

/* Turns the answer of a movement into a status; `no_row` is what it means that nothing came back.
 */
static enum status read_movement(struct ctx *ctx, const struct db_rows *rows, enum status no_row,
                                 struct wallet_movement *ret_movement)
{
    static const struct {
        const char *outcome;
        enum status status;
        bool replayed;
    } table[] = {
        {"DONE", ST_OK, false},
        {"REPLAYED", ST_OK, true},
        {"REUSED", ST_IDEMPOTENCY_KEY_REUSED, false},
        {"REFUNDED", ST_DEBIT_REFUNDED, false},
    };

    if (rows->row_count == 0)
        return no_row;

    const char *outcome = db_text(rows, 0, COLUMN_OUTCOME);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (strcmp(outcome, table[i].outcome) != 0)
            continue;
        if (table[i].status != ST_OK)
            return table[i].status;
        if (!uuid_parse(db_text(rows, 0, COLUMN_ENTRY_ID), &ret_movement->entry_id))
            break;
        ret_movement->amount_won = db_int64(rows, 0, COLUMN_AMOUNT);
        ret_movement->balance_won = db_int64(rows, 0, COLUMN_BALANCE);
        ret_movement->replayed = table[i].replayed;
        return ST_OK;
    }
    return ctx_fail(ctx, ST_INTERNAL, "unreadable movement, outcome \"%s\"", outcome);
}

/* How long a key is kept. */
#define KEY_KEPT "interval '24 hours'"

/* Two first charges of one new account take turns by the account's lock; the upsert would get them
 * right without. A key past its time is taken over, whether or not the sweeper has been there. */
static const struct db_statement charge_statement = {
    .name = "charge",
    .mode = DB_WRITE_LOCKED,
    .sql =
        "WITH earlier AS ("
        "  SELECT entry_id, amount_won, balance_after_won FROM charge_key k"
        "  JOIN ledger USING (entry_id)"
        "  WHERE k.user_id = $2::uuid AND k.idempotency_key = $4::text"
        "    AND k.created_at > clock_timestamp() - " KEY_KEPT "), moved AS ("
        "  INSERT INTO account AS a (user_id, balance_won)"
        "  SELECT $2::uuid, $3::bigint WHERE NOT EXISTS (SELECT FROM earlier)"
        "  ON CONFLICT (user_id) DO UPDATE SET balance_won = a.balance_won + excluded.balance_won"
        "    WHERE a.balance_won <= $5::bigint - excluded.balance_won"
        "  RETURNING balance_won"
        "), entry AS ("
        "  INSERT INTO ledger"
        "    (entry_id, user_id, kind, amount_won, balance_after_won, idempotency_key)"
        "  SELECT $1::uuid, $2::uuid, 'CHARGE', $3::bigint, balance_won, $4::text FROM moved"
        "  RETURNING entry_id, amount_won, balance_after_won"
        "), kept AS ("
        "  INSERT INTO charge_key (user_id, idempotency_key, entry_id)"
        "  SELECT $2::uuid, $4::text, entry_id FROM entry"
        "  ON CONFLICT (user_id, idempotency_key) DO UPDATE"
        "    SET entry_id = excluded.entry_id, created_at = excluded.created_at"
        ")"
        " SELECT 'DONE', entry_id, amount_won, balance_after_won FROM entry"
        " UNION ALL"
        " SELECT CASE WHEN amount_won = $3::bigint THEN 'REPLAYED' ELSE 'REUSED' END,"
        "   entry_id, amount_won, balance_after_won FROM earlier",
};

enum status wallet_store_charge(struct ctx *ctx, struct db *db, const struct wallet_charge *charge,
                                struct wallet_movement *ret_movement)
{
    struct uuid entry_id;
    uuid_v7(&entry_id);

    struct db_params params;
    db_params_init(&params, ctx);
    db_add_text(&params, entry_id.text);
    db_add_text(&params, charge->user_id);
    db_add_int64(&params, charge->amount_won);
    db_add_text(&params, charge->idempotency_key);
    db_add_int64(&params, charge->balance_won_max);

    struct db_rows rows;
    TRY(db_run(ctx, db, &charge_statement, &params, base_hash64(charge->user_id), &rows));
    return read_movement(ctx, &rows, ST_BALANCE_LIMIT, ret_movement);
}

static const struct db_statement debit_statement = {
    .name = "debit",
    .mode = DB_WRITE_LOCKED,
    .sql = "WITH known AS ("
           "  SELECT kind, entry_id, amount_won, balance_after_won,"
           "    user_id = $3::uuid AND payment_id = $5::uuid AS same"
           "  FROM ledger WHERE debit_id = $2::uuid AND kind <> 'CHARGE'"
           "), moved AS ("
           "  UPDATE account SET balance_won = balance_won - $4::bigint"
           "  WHERE user_id = $3::uuid AND balance_won >= $4::bigint AND NOT EXISTS (SELECT FROM "
           "known)"
           "  RETURNING balance_won"
           "), entry AS ("
           "  INSERT INTO ledger"
           "    (entry_id, user_id, kind, amount_won, balance_after_won, debit_id, payment_id)"
           "  SELECT $1::uuid, $3::uuid, 'DEBIT', -$4::bigint, balance_won, $2::uuid, $5::uuid "
           "FROM moved"
           "  RETURNING entry_id, amount_won, balance_after_won"
           "), answer AS ("
           "  SELECT 'DONE' AS outcome, entry_id, amount_won, balance_after_won FROM entry"
           "  UNION ALL"
           "  SELECT CASE WHEN NOT same OR (kind = 'DEBIT' AND amount_won <> -$4::bigint) THEN "
           "'REUSED'"
           "    WHEN kind = 'REFUND' THEN 'REFUNDED' ELSE 'REPLAYED' END,"
           "    entry_id, amount_won, balance_after_won FROM known"
           ")"
           /* A debit and its refund are two rows: other content wins over refunded, refunded over
              replayed. */
           " SELECT * FROM answer"
           " ORDER BY array_position(ARRAY['REUSED', 'REFUNDED', 'REPLAYED', 'DONE'], outcome) "
           "LIMIT 1",
};

enum status wallet_store_debit(struct ctx *ctx, struct db *db, const struct wallet_debit *debit,
                               struct wallet_movement *ret_movement)
{
    struct uuid entry_id;
    uuid_v7(&entry_id);

    struct db_params params;
    db_params_init(&params, ctx);
    db_add_text(&params, entry_id.text);
    db_add_text(&params, debit->debit_id);
    db_add_text(&params, debit->user_id);
    db_add_int64(&params, debit->amount_won);
    db_add_text(&params, debit->payment_id);

    struct db_rows rows;
    TRY(db_run(ctx, db, &debit_statement, &params, base_hash64(debit->user_id), &rows));
    return read_movement(ctx, &rows, ST_INSUFFICIENT_BALANCE, ret_movement);
}

/* The refund of an unknown debit makes its account when needed, since the block is an entry like
 * any other. */
static const struct db_statement refund_statement = {
    .name = "refund",
    .mode = DB_WRITE_LOCKED,
    .sql =
        "WITH known AS ("
        "  SELECT kind, entry_id, amount_won, balance_after_won,"
        "    user_id = $3::uuid AND payment_id = $4::uuid AS same"
        "  FROM ledger WHERE debit_id = $2::uuid AND kind <> 'CHARGE'"
        "), moved AS ("
        "  INSERT INTO account AS a (user_id, balance_won)"
        "  SELECT $3::uuid, coalesce((SELECT -amount_won FROM known WHERE kind = 'DEBIT'), 0)"
        "  WHERE NOT EXISTS (SELECT FROM known WHERE kind = 'REFUND' OR NOT same)"
        "  ON CONFLICT (user_id) DO UPDATE SET balance_won = a.balance_won + excluded.balance_won"
        "  RETURNING balance_won"
        "), entry AS ("
        "  INSERT INTO ledger"
        "    (entry_id, user_id, kind, amount_won, balance_after_won, debit_id, payment_id)"
        "  SELECT $1::uuid, $3::uuid, 'REFUND',"
        "    coalesce((SELECT -amount_won FROM known WHERE kind = 'DEBIT'), 0), balance_won,"
        "    $2::uuid, $4::uuid FROM moved"
        "  RETURNING entry_id, amount_won, balance_after_won"
        ")"
        " SELECT 'DONE', entry_id, amount_won, balance_after_won FROM entry"
        " UNION ALL"
        " SELECT CASE WHEN same THEN 'REPLAYED' ELSE 'REUSED' END,"
        "   entry_id, amount_won, balance_after_won FROM known"
        " WHERE kind = 'REFUND' OR NOT same"
        " LIMIT 1",
};

enum status wallet_store_refund(struct ctx *ctx, struct db *db, const struct wallet_refund *refund,
                                struct wallet_movement *ret_movement)
{
    struct uuid entry_id;
    uuid_v7(&entry_id);

    struct db_params params;
    db_params_init(&params, ctx);
    db_add_text(&params, entry_id.text);
    db_add_text(&params, refund->debit_id);
    db_add_text(&params, refund->user_id);
    db_add_text(&params, refund->payment_id);

    struct db_rows rows;
    TRY(db_run(ctx, db, &refund_statement, &params, base_hash64(refund->user_id), &rows));
    if (rows.row_count == 0)
        return ctx_fail(ctx, ST_INTERNAL, "a refund answered nothing");
    return read_movement(ctx, &rows, ST_INTERNAL, ret_movement);
}

static const struct db_statement get_balance_statement = {
    .name = "get_balance",
    .mode = DB_READ,
    .sql = "SELECT balance_won FROM account WHERE user_id = $1::uuid",
};

enum status wallet_store_get_balance(struct ctx *ctx, struct db *db, const char *user_id,
                                     int64_t *ret_balance_won)
{
    struct db_params params;
    db_params_init(&params, ctx);
    db_add_text(&params, user_id);

    struct db_rows rows;
    TRY(db_run(ctx, db, &get_balance_statement, &params, base_hash64(user_id), &rows));
    *ret_balance_won = rows.row_count == 0 ? 0 : db_int64(&rows, 0, 0);
    return ST_OK;
}

/* No row at all when there is no such entry to start from; one of NULLs when nothing is older. */
static const struct db_statement list_statement = {
    .name = "list",
    .mode = DB_READ,
    .sql = "WITH start AS ("
           "  SELECT entry_no FROM ledger WHERE entry_id = $2::uuid AND user_id = $1::uuid"
           "  UNION ALL SELECT 9223372036854775807 WHERE $2::uuid IS NULL"
           ")"
           " SELECT l.entry_id, kind, amount_won, balance_after_won,"
           "  floor(extract(epoch FROM created_at) * 1000)::bigint, payment_id"
           " FROM start LEFT JOIN LATERAL ("
           "  SELECT * FROM ledger WHERE user_id = $1::uuid AND entry_no < start.entry_no"
           "    AND amount_won <> 0"
           "  ORDER BY entry_no DESC LIMIT $3::bigint"
           " ) l ON true ORDER BY l.entry_no DESC",
};

static enum status read_entry(struct ctx *ctx, const struct db_rows *rows, size_t row,
                              struct wallet_entry *ret_entry)
{
    ret_entry->entry_id = db_text(rows, row, 0);
    if (!wallet_entry_kind_from_text(db_text(rows, row, 1), &ret_entry->kind))
        return ctx_fail(ctx, ST_INTERNAL, "entry of unknown kind");
    ret_entry->amount_won = db_int64(rows, row, 2);
    ret_entry->balance_after_won = db_int64(rows, row, 3);
    ret_entry->created_at_unix_ms = db_int64(rows, row, 4);
    ret_entry->payment_id = db_text(rows, row, 5);
    return ST_OK;
}

enum status wallet_store_list(struct ctx *ctx, struct db *db, const char *user_id,
                              const char *before_entry_id, size_t limit,
                              const struct wallet_entry **ret_entries, size_t *ret_count)
{
    struct db_params params;
    db_params_init(&params, ctx);
    db_add_text(&params, user_id);
    db_add_text(&params, before_entry_id[0] == '\0' ? NULL : before_entry_id);
    db_add_int64(&params, (int64_t)limit);

    struct db_rows rows;
    TRY(db_run(ctx, db, &list_statement, &params, base_hash64(user_id), &rows));
    if (rows.row_count == 0)
        return ST_INVALID_REQUEST;
    size_t count = db_is_null(&rows, 0, 0) ? 0 : rows.row_count;

    struct wallet_entry *entries = arena_calloc(ctx->arena, count + 1, sizeof(*entries));
    if (!entries)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < count; i++)
        TRY(read_entry(ctx, &rows, i, &entries[i]));
    *ret_entries = entries;
    *ret_count = count;
    return ST_OK;
}

/* Locks rows of any user, so it comes last in its batch, and never waits itself. */
#define LAST_KEY UINT64_MAX

static const struct db_statement sweep_keys_statement = {
    .name = "sweep_keys",
    .mode = DB_WRITE,
    .sql = "DELETE FROM charge_key WHERE (user_id, idempotency_key) IN ("
           "  SELECT user_id, idempotency_key FROM charge_key"
           "  WHERE created_at <= clock_timestamp() - " KEY_KEPT
           "  ORDER BY created_at LIMIT $1::bigint FOR UPDATE SKIP LOCKED)",
};

enum status wallet_store_sweep_keys(struct ctx *ctx, struct db *db, int64_t limit,
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
