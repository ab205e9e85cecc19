#include "sources.h"

#include <assert.h>

#include "base/macros.h"

const char *audit_service_name(enum audit_service service)
{
    static const char *const names[AUDIT_SERVICE_COUNT] = {
        [AUDIT_QUEUE] = "queue",   [AUDIT_CONCERT] = "concert", [AUDIT_RESERVATION] = "reservation",
        [AUDIT_WALLET] = "wallet", [AUDIT_PAYMENT] = "payment",
    };
    assert(service < AUDIT_SERVICE_COUNT);
    return names[service];
}

#define SOURCE(owner, name, columns, select)                                                       \
    {                                                                                              \
        .table = name, .service = owner,                                                           \
        .create = {name "_create", "CREATE TEMPORARY TABLE " name " (" columns ") ON COMMIT DROP", \
                   DB_WRITE},                                                                      \
        .insert = {name "_insert",                                                                 \
                   "INSERT INTO " name " SELECT new.* FROM unnest($1::text[]) AS line,"            \
                   " json_populate_record(NULL::" name ", line::json) AS new",                     \
                   DB_WRITE},                                                                      \
        .open = {name "_open",                                                                     \
                 "DECLARE " name "_rows NO SCROLL CURSOR FOR"                                      \
                 " SELECT row_to_json(old)::text FROM (" select ") AS old",                        \
                 DB_READ},                                                                         \
        .fetch = {name "_fetch", "FETCH 1000 FROM " name "_rows", DB_READ},                        \
    }

const struct audit_source audit_sources[] = {
    SOURCE(AUDIT_QUEUE, "audit_event",
           "queue text, epoch bigint, entry bigint, event text, reason text, sequence bigint,"
           " user_id uuid, token_id uuid, at timestamptz, active bigint, capacity bigint",
           "SELECT queue, epoch, entry, event, reason, sequence, user_id, token_id, at, active,"
           " capacity FROM line_event"),
    SOURCE(AUDIT_QUEUE, "audit_line", "queue text, watermark bigint",
           "SELECT queue, watermark FROM line"),
    SOURCE(
        AUDIT_RESERVATION, "audit_claim",
        "reservation_id uuid, user_id uuid, concert_id uuid, date date, seat_no integer,"
        " price_won bigint, status text, is_past boolean, confirmed_late boolean,"
        " payment_id uuid, token_id uuid, queue text, idempotency_key text",
        "SELECT reservation_id, user_id, concert_id, date, seat_no, price_won, status,"
        " status IN ('HELD', 'PAYING') AND claim_until <= clock_timestamp() AS is_past,"
        " coalesce(status = 'CONFIRMED' AND confirmed_at > claim_until, false) AS confirmed_late,"
        " payment_id, token_id, queue, idempotency_key FROM reservation"),
    SOURCE(AUDIT_WALLET, "audit_account", "user_id uuid, balance_won bigint",
           "SELECT user_id, balance_won FROM account"),
    SOURCE(AUDIT_WALLET, "audit_entry",
           "entry_no bigint, entry_id uuid, user_id uuid, kind text, amount_won bigint,"
           " balance_after_won bigint, idempotency_key text, debit_id uuid, payment_id uuid,"
           " created_at timestamptz",
           "SELECT entry_no, entry_id, user_id, kind, amount_won, balance_after_won,"
           " idempotency_key, debit_id, payment_id, created_at FROM ledger"),
    SOURCE(AUDIT_WALLET, "audit_charge_key", "user_id uuid, idempotency_key text, entry_id uuid",
           "SELECT user_id, idempotency_key, entry_id FROM charge_key"),
    SOURCE(AUDIT_PAYMENT, "audit_payment",
           "payment_id uuid, user_id uuid, reservation_id uuid, idempotency_key text,"
           " debit_id uuid, token_id uuid, queue text, state text, amount_won bigint,"
           " concert_id uuid, date date, seat_no integer, balance_after_won bigint,"
           " created_at timestamptz",
           "SELECT payment_id, user_id, reservation_id, idempotency_key, debit_id, token_id, queue,"
           " state, amount_won, concert_id, date, seat_no, balance_after_won, created_at"
           " FROM payment"),
    SOURCE(AUDIT_PAYMENT, "audit_payment_key",
           "user_id uuid, idempotency_key text, payment_id uuid",
           "SELECT user_id, idempotency_key, payment_id FROM payment_key"),
};
const size_t audit_source_count = ARRAY_LEN(audit_sources);
