#include "invariants.h"

#include "base/macros.h"

/* `violations` selects one column named what. $1 is the limit of a balance; every query takes it,
 * used or not. */
#define ALWAYS(number, title, violations)     INVARIANT(number, title, false, violations)
#define WHEN_QUIET(number, title, violations) INVARIANT(number, title, true, violations)
#define INVARIANT(number, title, when_quiet, violations)                                           \
    {                                                                                              \
        .id = number, .sentence = title, .settles = when_quiet,                                    \
        .query = {                                                                                 \
            .name = number,                                                                        \
            .sql = "SELECT what, count(*) OVER () FROM (" violations ") AS violation"              \
                   " WHERE $1::bigint IS NOT NULL ORDER BY what LIMIT $2::bigint",                 \
            .mode = DB_READ,                                                                       \
        },                                                                                         \
    }

#define KEY_KEPT "interval '24 hours'"
#define LIVE     "status IN ('HELD', 'PAYING', 'CONFIRMED')"
#define PAID     "state IN ('EXPIRING_TOKEN', 'COMPLETED')"
#define OVER     "state IN ('EXPIRING_TOKEN', 'COMPLETED', 'FAILED')"

const struct audit_invariant audit_invariants[] = {
    ALWAYS("I1", "a seat has at most one live claim",
           "SELECT format('seat %s of %s on %s has %s live claims', seat_no, concert_id, date,"
           "   count(*)) AS what"
           " FROM audit_claim WHERE " LIVE
           " GROUP BY concert_id, date, seat_no HAVING count(*) > 1"),

    ALWAYS("I2", "a user has at most one live claim per date",
           "SELECT format('user %s has %s live claims of %s on %s', user_id, count(*),"
           "   concert_id, date) AS what"
           " FROM audit_claim WHERE " LIVE
           " GROUP BY concert_id, date, user_id HAVING count(*) > 1"),

    ALWAYS("I3", "a balance equals the sum of its ledger entries",
           "SELECT format('user %s has %s won but entries of %s', coalesce(a.user_id, e.user_id),"
           "   a.balance_won, e.sum_won) AS what"
           " FROM audit_account a FULL JOIN (SELECT user_id, sum(amount_won) AS sum_won"
           "   FROM audit_entry GROUP BY user_id) e USING (user_id)"
           " WHERE coalesce(a.balance_won, -1) <> coalesce(e.sum_won, 0)"
           " UNION ALL"
           " SELECT format('entry %s of user %s says %s won after it, the entries say %s',"
           "   entry_id, user_id, balance_after_won, sum_won)"
           " FROM (SELECT *, sum(amount_won) OVER (PARTITION BY user_id ORDER BY entry_no)"
           "   AS sum_won FROM audit_entry) e"
           " WHERE balance_after_won <> sum_won"),

    /* Refunds are never refused, so they alone may lift a balance above the limit. */
    ALWAYS("I4", "no balance is negative or above the limit",
           "SELECT format('user %s has %s won', user_id, balance_won) AS what"
           " FROM audit_account a"
           " WHERE balance_won < 0 OR balance_won - coalesce((SELECT sum(amount_won)"
           "   FROM audit_entry e WHERE e.user_id = a.user_id AND kind = 'REFUND'), 0) > $1::bigint"
           " UNION ALL"
           " SELECT format('entry %s of user %s left %s won', entry_id, user_id, balance_after_won)"
           " FROM audit_entry"
           " WHERE balance_after_won < 0"
           "   OR (kind = 'CHARGE' AND balance_after_won > $1::bigint)"),

    WHEN_QUIET(
        "I5", "money is constant: balances and what was paid are what was charged",
        "SELECT format('user %s has %s won, paid %s, charged %s', user_id, balance_won, paid_won,"
        "   charged_won) AS what"
        " FROM (SELECT user_id, sum(balance_won) AS balance_won, sum(paid_won) AS paid_won,"
        "     sum(charged_won) AS charged_won"
        "   FROM (SELECT user_id, balance_won, 0 AS paid_won, 0 AS charged_won"
        "       FROM audit_account"
        "     UNION ALL SELECT user_id, 0, amount_won, 0 FROM audit_payment WHERE " PAID
        "     UNION ALL SELECT user_id, 0, 0, amount_won FROM audit_entry"
        "       WHERE kind = 'CHARGE') m GROUP BY user_id) s"
        " WHERE balance_won + paid_won <> charged_won"),

    ALWAYS(
        "I6", "an idempotency key has one effect",
        "SELECT format('user %s charged twice with one key: %s and %s', user_id, earlier_id,"
        "   entry_id) AS what"
        " FROM (SELECT *, lag(created_at) OVER of_key AS earlier, lag(entry_id) OVER of_key"
        "     AS earlier_id FROM audit_entry WHERE kind = 'CHARGE'"
        "   WINDOW of_key AS (PARTITION BY user_id, idempotency_key ORDER BY created_at)) e"
        " WHERE created_at - earlier < " KEY_KEPT " UNION ALL"
        " SELECT format('debit %s has %s entries of kind %s', debit_id, count(*), kind)"
        " FROM audit_entry WHERE kind <> 'CHARGE'"
        " GROUP BY debit_id, kind HAVING count(*) > 1"
        " UNION ALL"
        " SELECT format('user %s made two payments with one key: %s and %s', user_id, earlier_id,"
        "   payment_id)"
        " FROM (SELECT *, lag(created_at) OVER of_key AS earlier, lag(payment_id) OVER of_key"
        "     AS earlier_id FROM audit_payment"
        "   WINDOW of_key AS (PARTITION BY user_id, idempotency_key ORDER BY created_at)) p"
        " WHERE created_at - earlier < " KEY_KEPT " UNION ALL"
        " SELECT format('user %s reserved %s times with one key', user_id, count(*))"
        " FROM audit_claim WHERE idempotency_key <> ''"
        " GROUP BY user_id, idempotency_key HAVING count(*) > 1"
        " UNION ALL"
        " SELECT format('payment %s told %s won after its debit, the ledger says %s',"
        "   p.payment_id, p.balance_after_won, e.balance_after_won)"
        " FROM audit_payment p JOIN audit_entry e ON e.debit_id = p.debit_id AND e.kind = 'DEBIT'"
        " WHERE p.balance_after_won <> e.balance_after_won"),

    WHEN_QUIET(
        "I7", "completed payments and confirmed reservations agree; other debits are refunded once",
        "SELECT format('payment %s (%s, user %s, seat %s, %s won) and reservation %s (%s, user %s,"
        "   seat %s, %s won) differ', p.payment_id, p.state, p.user_id, p.seat_no, p.amount_won,"
        "   c.reservation_id, c.status, c.user_id, c.seat_no, c.price_won) AS what"
        " FROM (SELECT * FROM audit_payment WHERE " PAID ") p"
        " FULL JOIN (SELECT * FROM audit_claim WHERE status = 'CONFIRMED') c"
        "   ON c.reservation_id = p.reservation_id"
        " WHERE (p.payment_id, p.user_id, p.concert_id, p.date, p.seat_no, p.amount_won)"
        "   IS DISTINCT FROM"
        "   (c.payment_id, c.user_id, c.concert_id, c.date, c.seat_no, c.price_won)"
        /* A confirmation that its payment has not recorded yet is I9's business. */
        "   AND NOT EXISTS (SELECT FROM audit_payment u"
        "     WHERE u.payment_id = c.payment_id AND NOT " OVER ")"
        " UNION ALL"
        " SELECT format('debit %s of %s won: %s won refunded in %s refunds, payment %s is %s',"
        "   d.debit_id, -d.amount_won, coalesce(r.sum_won, 0), coalesce(r.refunds, 0),"
        "   p.payment_id, p.state)"
        " FROM (SELECT * FROM audit_entry WHERE kind = 'DEBIT') d"
        " LEFT JOIN (SELECT debit_id, count(*) AS refunds, sum(amount_won) AS sum_won"
        "   FROM audit_entry WHERE kind = 'REFUND' GROUP BY debit_id) r USING (debit_id)"
        " LEFT JOIN audit_payment p USING (debit_id)"
        " WHERE CASE WHEN p." PAID " THEN r.refunds IS NOT NULL OR p.amount_won <> -d.amount_won"
        "   WHEN p.payment_id IS NULL OR p." OVER
        "     THEN r.refunds IS DISTINCT FROM 1 OR r.sum_won <> -d.amount_won"
        "   ELSE false END"
        " UNION ALL"
        " SELECT format('payment %s is paid without a debit', payment_id)"
        " FROM audit_payment p WHERE " PAID "   AND NOT EXISTS (SELECT FROM audit_entry e"
        "     WHERE e.debit_id = p.debit_id AND e.kind = 'DEBIT')"),

    ALWAYS("I8", "no seat was confirmed after its claim had lapsed",
           "SELECT format('reservation %s of user %s', reservation_id, user_id) AS what"
           " FROM audit_claim WHERE confirmed_late"),

    WHEN_QUIET(
        "I9", "nothing is stuck: no payment in the middle, no claim past its time",
        "SELECT format('payment %s is %s', payment_id, state) AS what"
        " FROM audit_payment WHERE state NOT IN ('COMPLETED', 'FAILED')"
        " UNION ALL"
        " SELECT format('reservation %s is %s past its time', reservation_id, status)"
        " FROM audit_claim WHERE is_past"
        " UNION ALL"
        " SELECT format('reservation %s is PAYING for payment %s, which is %s', c.reservation_id,"
        "   c.payment_id, coalesce(p.state, 'unknown'))"
        " FROM audit_claim c LEFT JOIN audit_payment p USING (payment_id)"
        " WHERE c.status = 'PAYING' AND (p.payment_id IS NULL OR p." OVER ")"),

    ALWAYS("I10", "no object is touched by another user",
           "SELECT format('payment %s of user %s is for reservation %s of user %s', p.payment_id,"
           "   p.user_id, c.reservation_id, c.user_id) AS what"
           " FROM audit_payment p JOIN audit_claim c USING (reservation_id)"
           " WHERE p.user_id <> c.user_id AND p.amount_won IS NOT NULL"
           " UNION ALL"
           " SELECT format('reservation %s of user %s was paid by payment %s of user %s',"
           "   c.reservation_id, c.user_id, p.payment_id, p.user_id)"
           " FROM audit_claim c JOIN audit_payment p USING (payment_id)"
           " WHERE c.user_id <> p.user_id"
           " UNION ALL"
           " SELECT format('entry %s of user %s belongs to payment %s of user %s', e.entry_id,"
           "   e.user_id, p.payment_id, p.user_id)"
           " FROM audit_entry e JOIN audit_payment p USING (payment_id)"
           " WHERE e.user_id <> p.user_id OR e.debit_id <> p.debit_id"
           " UNION ALL"
           " SELECT DISTINCT format('%s of user %s went through the token of user %s', o.what,"
           "   o.user_id, t.user_id)"
           " FROM (SELECT 'reservation ' || reservation_id AS what, user_id, token_id"
           "     FROM audit_claim"
           "   UNION ALL SELECT 'payment ' || payment_id, user_id, token_id FROM audit_payment) o"
           " JOIN audit_event t USING (token_id) WHERE o.user_id <> t.user_id"),

    WHEN_QUIET(
        "I11", "a sequence number belongs to one user, admissions are in order and within capacity",
        "SELECT format('sequence %s of %s belongs to %s users', sequence, queue,"
        "   count(DISTINCT user_id)) AS what"
        " FROM audit_event WHERE sequence > 0"
        " GROUP BY queue, sequence HAVING count(DISTINCT user_id) > 1"
        " UNION ALL"
        " SELECT format('sequence %s of %s was never handed out: the watermark is %s',"
        "   e.sequence, e.queue, l.watermark)"
        " FROM audit_event e JOIN audit_line l USING (queue) WHERE e.sequence > l.watermark"
        " UNION ALL"
        /* Those who were absent when their turn came, or came back late, are logged as RETURNED. */
        " SELECT format('sequence %s of %s was admitted after %s', sequence, queue, highest)"
        " FROM (SELECT *, max(sequence) OVER (PARTITION BY queue ORDER BY epoch, entry"
        "     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS highest"
        "   FROM audit_event WHERE event = 'ADMITTED' AND reason = 'TURN') t"
        " WHERE sequence <= highest"
        " UNION ALL"
        " SELECT format('entry %s of %s in epoch %s: %s active, %s allowed', entry, queue, epoch,"
        "   active, capacity)"
        " FROM audit_event WHERE event = 'ADMITTED' AND active > capacity"),

    WHEN_QUIET("I12", "every hold belongs to a user who was admitted",
               "SELECT format('reservation %s of user %s, token %s of %s', reservation_id, user_id,"
               "   token_id, queue) AS what"
               " FROM audit_claim c WHERE NOT EXISTS (SELECT FROM audit_event t"
               "   WHERE t.token_id = c.token_id AND t.user_id = c.user_id AND t.queue = c.queue"
               "     AND t.event = 'ADMITTED')"),

    ALWAYS("I13", "what a client was told is there: every kept key has its own effect",
           "SELECT format('a charge key of user %s answers with entry %s, which is %s', k.user_id,"
           "   k.entry_id, coalesce('of kind ' || e.kind || ' and user ' || e.user_id, 'gone'))"
           "   AS what"
           " FROM audit_charge_key k LEFT JOIN audit_entry e USING (entry_id)"
           " WHERE (e.kind, e.user_id, e.idempotency_key)"
           "   IS DISTINCT FROM ('CHARGE', k.user_id, k.idempotency_key)"
           " UNION ALL"
           " SELECT format('a payment key of user %s answers with payment %s, which is %s',"
           "   k.user_id, k.payment_id, coalesce('of user ' || p.user_id, 'gone'))"
           " FROM audit_payment_key k LEFT JOIN audit_payment p USING (payment_id)"
           " WHERE (p.user_id, p.idempotency_key)"
           "   IS DISTINCT FROM (k.user_id, k.idempotency_key)"),
};
const size_t audit_invariant_count = ARRAY_LEN(audit_invariants);
