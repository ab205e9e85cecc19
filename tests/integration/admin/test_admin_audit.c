/* A sound world in real databases, then one planted violation of every clause of every invariant:
 * the audit must find each. The services' own constraints would refuse most of these, so they are
 * dropped first; that they do refuse is tested with each service. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "db/migrate.h"
#include "metrics/metrics.h"
#include "report.h"
#include "support/postgres.h"
#include "watch.h"

#define MIGRATIONS(service)                                                                        \
    extern const struct db_migration service##_migrations[];                                       \
    extern const size_t service##_migration_count
MIGRATIONS(queue);
MIGRATIONS(reservation);
MIGRATIONS(wallet);
MIGRATIONS(payment);

enum { SAMPLES = 5 };
static const int64_t balance_won_max = 5000;

static struct support_postgres postgres;
static char owner_urls[AUDIT_SERVICE_COUNT][SUPPORT_URL_SIZE];
static char app_urls[AUDIT_SERVICE_COUNT][SUPPORT_URL_SIZE];
static char audit_urls[AUDIT_SERVICE_COUNT][SUPPORT_URL_SIZE]; /* of the role that reads it all */
static unsigned char *block;
static struct arena arena;
static struct ctx ctx;

static struct ctx *begin(void)
{
    arena_init(&arena, block, AUDIT_ARENA_SIZE);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, 60000);
    return &ctx;
}

#define DROP_CONSTRAINTS                                                                           \
    "DO $$ DECLARE r record; BEGIN"                                                                \
    " FOR r IN SELECT conrelid::regclass AS t, conname FROM pg_constraint"                         \
    "   WHERE connamespace = 'public'::regnamespace AND conrelid <> 0"                             \
    "   ORDER BY contype = 'p', contype = 'u' LOOP"                                                \
    "   EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', r.t, r.conname);"    \
    " END LOOP;"                                                                                   \
    " FOR r IN SELECT indexrelid::regclass AS i FROM pg_index JOIN pg_class c ON c.oid = indrelid" \
    "   WHERE relnamespace = 'public'::regnamespace LOOP"                                          \
    "   EXECUTE format('DROP INDEX %s', r.i);"                                                     \
    " END LOOP;"                                                                                   \
    " FOR r IN SELECT attrelid::regclass AS t, attname FROM pg_attribute"                          \
    "   JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'public'::regnamespace"           \
    "   AND relkind = 'r' AND attnum > 0 AND attnotnull AND attidentity = '' LOOP"                 \
    "   EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', r.t, r.attname);"           \
    " END LOOP; END $$"

static void set_up(void)
{
    static const struct {
        const struct db_migration *migrations;
        const size_t *count;
    } all[AUDIT_SERVICE_COUNT] = {
        [AUDIT_QUEUE] = {queue_migrations, &queue_migration_count},
        [AUDIT_RESERVATION] = {reservation_migrations, &reservation_migration_count},
        [AUDIT_WALLET] = {wallet_migrations, &wallet_migration_count},
        [AUDIT_PAYMENT] = {payment_migrations, &payment_migration_count},
    };

    block = malloc(AUDIT_ARENA_SIZE);
    ck_assert_ptr_nonnull(block);
    support_postgres_start(&postgres);
    for (int i = 0; i < AUDIT_SERVICE_COUNT; i++) {
        support_postgres_add_service(&postgres, audit_service_name((enum audit_service)i),
                                     owner_urls[i], app_urls[i]);
        snprintf(audit_urls[i], SUPPORT_URL_SIZE, "postgresql:///%s?host=%s&user=%s_audit",
                 audit_service_name((enum audit_service)i), postgres.directory,
                 audit_service_name((enum audit_service)i));
        /* No invariant needs the catalog. */
        if (!all[i].migrations)
            continue;
        ck_assert_int_eq(db_migrate(begin(), owner_urls[i], all[i].migrations, *all[i].count),
                         ST_OK);
        support_postgres_psql(owner_urls[i], DROP_CONSTRAINTS);
    }
}

static void tear_down(void)
{
    support_postgres_stop(&postgres);
    free(block);
}

#define U1 "'0190a000-0000-7000-8000-000000000001'"
#define U2 "'0190a000-0000-7000-8000-000000000002'"
#define C1 "'0190a000-0000-7000-8000-0000000000c1'"
#define R1 "'0190a000-0000-7000-8000-0000000000a1'"
#define R2 "'0190a000-0000-7000-8000-0000000000a2'"
#define P1 "'0190a000-0000-7000-8000-0000000000f1'"
#define P2 "'0190a000-0000-7000-8000-0000000000f2'"
#define D1 "'0190a000-0000-7000-8000-0000000000d1'"
#define D2 "'0190a000-0000-7000-8000-0000000000d2'"
#define T1 "'0190a000-0000-7000-8000-0000000000b1'"
#define T2 "'0190a000-0000-7000-8000-0000000000b2'"
#define NO "gen_random_uuid()"

#define EVENT                                                                                      \
    "INSERT INTO line_event (queue, epoch, entry, event, reason, sequence, user_id, token_id,"     \
    " at, active, capacity) VALUES "
#define CLAIM                                                                                      \
    "INSERT INTO reservation (reservation_id, user_id, concert_id, date, seat_no, price_won,"      \
    " status, claim_until, confirmed_at, payment_id, token_id, queue, idempotency_key) VALUES "
#define ENTRY                                                                                      \
    "INSERT INTO ledger (entry_id, user_id, kind, amount_won, balance_after_won, idempotency_key," \
    " debit_id, payment_id) VALUES "
#define PAYMENT                                                                                    \
    "INSERT INTO payment (payment_id, user_id, reservation_id, idempotency_key, debit_id,"         \
    " token_id, queue, state, amount_won, concert_id, date, seat_no, balance_after_won) VALUES "

/* User 1 charged 1000, paid 300 for seat 7 and has 700. User 2 charged 500, had 200 debited for a
 * seat that lapsed and refunded, and holds seat 8. */
static const char *const sound[AUDIT_SERVICE_COUNT] = {
    [AUDIT_QUEUE] = "DELETE FROM line_event; DELETE FROM line;"
                    "INSERT INTO line (queue, epoch, watermark) VALUES ('main', 1, 100);" EVENT
                    "('main', 1, 1, 'ADMITTED', 'TURN', 1, " U1 ", " T1 ", now(), 1, 2),"
                    "('main', 1, 2, 'ADMITTED', 'TURN', 2, " U2 ", " T2 ", now(), 2, 2),"
                    "('main', 1, 3, 'ENDED', 'PAID', 1, " U1 ", " T1 ", now(), 1, 2)",
    [AUDIT_CONCERT] = "SELECT 1",
    [AUDIT_RESERVATION] =
        "DELETE FROM reservation;" CLAIM "(" R1 ", " U1 ", " C1
        ", '2026-12-01', 7, 300, 'CONFIRMED', now() + '1 min', now(), " P1 ", " T1 ", 'main', 'a'),"
        "(" R2 ", " U2 ", " C1 ", '2026-12-01', 8, 200, 'HELD', now() + '1 h', NULL, NULL, " T2
        ", 'main', 'a'),"
        "(" NO ", " U2 ", " C1 ", '2026-12-01', 7, 200, 'EXPIRED', now() - '1 h'::interval, NULL,"
        " NULL, " T2 ", 'main', 'b')",
    [AUDIT_WALLET] = "DELETE FROM charge_key; DELETE FROM ledger; DELETE FROM account;"
                     "INSERT INTO account VALUES (" U1 ", 700), (" U2 ", 500);" ENTRY "(" NO ", " U1
                     ", 'CHARGE', 1000, 1000, 'a', NULL, NULL),"
                     "(" NO ", " U1 ", 'DEBIT', -300, 700, NULL, " D1 ", " P1 "),"
                     "(" NO ", " U2 ", 'CHARGE', 500, 500, 'a', NULL, NULL),"
                     "(" NO ", " U2 ", 'DEBIT', -200, 300, NULL, " D2 ", " P2 "),"
                     "(" NO ", " U2 ", 'REFUND', 200, 500, NULL, " D2 ", " P2 ");"
                     "INSERT INTO charge_key SELECT user_id, idempotency_key, entry_id, created_at"
                     " FROM ledger WHERE kind = 'CHARGE'",
    [AUDIT_PAYMENT] =
        "DELETE FROM payment_key; DELETE FROM payment;" PAYMENT "(" P1 ", " U1 ", " R1 ", 'a', " D1
        ", " T1 ", 'main', 'COMPLETED', 300, " C1 ", '2026-12-01', 7, 700),"
        "(" P2 ", " U2 ", " R2 ", 'a', " D2 ", " T2 ", 'main', 'FAILED', 200, " C1
        ", '2026-12-01', 8, 300);"
        "INSERT INTO payment_key SELECT user_id, idempotency_key, payment_id,"
        " created_at FROM payment",
};

static void make_service_sound(enum audit_service service)
{
    support_postgres_psql(owner_urls[service], sound[service]);
}

static void make_sound(void)
{
    for (int i = 0; i < AUDIT_SERVICE_COUNT; i++)
        make_service_sound((enum audit_service)i);
}

static struct audit_options options_of(size_t samples)
{
    struct audit_options options = {
        .session = AUDIT_PAYMENT, .balance_won_max = balance_won_max, .samples = samples};
    for (int i = 0; i < AUDIT_SERVICE_COUNT; i++)
        options.urls[i] = audit_urls[i];
    return options;
}

static struct audit_report audit(void)
{
    struct audit_options options = options_of(SAMPLES);
    struct audit_report report;
    enum status status = audit_run(begin(), &options, &report);
    ck_assert_msg(status == ST_OK, "%s %s", status_name(status), ctx.detail);
    return report;
}

static const struct audit_finding *find(const struct audit_report *report, const char *id)
{
    for (size_t i = 0; i < report->count; i++) {
        if (strcmp(report->findings[i].invariant->id, id) == 0)
            return &report->findings[i];
    }
    ck_abort_msg("no invariant %s", id);
    return NULL;
}

START_TEST(a_sound_world_has_no_violation)
{
    make_sound();
    struct audit_report report = audit();
    for (size_t i = 0; i < report.count; i++)
        ck_assert_msg(report.findings[i].violations == 0, "%s: %s",
                      report.findings[i].invariant->id, report.findings[i].samples[0]);
    ck_assert_int_eq(report.violations, 0);
    ck_assert_uint_eq(report.count, 13);
    ck_assert_int_eq(report.rows_read, 3 + 1 + 3 + 2 + 5 + 2 + 2 + 2);
}
END_TEST

START_TEST(an_empty_world_has_no_violation)
{
    for (int i = 0; i < AUDIT_SERVICE_COUNT; i++) {
        char only_delete[160];
        snprintf(only_delete, sizeof(only_delete), "%s",
                 i == AUDIT_QUEUE         ? "DELETE FROM line_event; DELETE FROM line"
                 : i == AUDIT_RESERVATION ? "DELETE FROM reservation"
                 : i == AUDIT_WALLET
                     ? "DELETE FROM charge_key; DELETE FROM ledger; DELETE FROM account"
                 : i == AUDIT_PAYMENT ? "DELETE FROM payment_key; DELETE FROM payment"
                                      : "SELECT 1");
        support_postgres_psql(owner_urls[i], only_delete);
    }
    ck_assert_int_eq(audit().violations, 0);
}
END_TEST

static const struct {
    const char *id;
    enum audit_service service;
    const char *plant;
    const char *sample; /* part of what the audit says about it */
} plants[] = {
    {"I1", AUDIT_RESERVATION, "UPDATE reservation SET seat_no = 7 WHERE status = 'HELD'", "seat 7"},
    {"I2", AUDIT_RESERVATION,
     "INSERT INTO reservation SELECT (r).* FROM (SELECT jsonb_populate_record(c, "
     "jsonb_build_object("
     "'reservation_id', gen_random_uuid(), 'seat_no', 9, 'idempotency_key', 'z')) AS r"
     " FROM reservation c WHERE status = 'HELD') n",
     "2 live claims"},
    {"I3", AUDIT_WALLET, "UPDATE account SET balance_won = 701 WHERE user_id = " U1, "701 won"},
    {"I3", AUDIT_WALLET, "DELETE FROM account WHERE user_id = " U1, "entries of 700"},
    {"I3", AUDIT_WALLET, "DELETE FROM ledger WHERE user_id = " U1, "entries of"},
    {"I3", AUDIT_WALLET, "UPDATE ledger SET balance_after_won = 1 WHERE kind = 'REFUND'",
     "says 1 won after it"},
    {"I4", AUDIT_WALLET, "UPDATE account SET balance_won = -1 WHERE user_id = " U1, "has -1 won"},
    {"I4", AUDIT_WALLET, "UPDATE account SET balance_won = 5001 WHERE user_id = " U1,
     "has 5001 won"},
    {"I4", AUDIT_WALLET, "UPDATE ledger SET balance_after_won = -1 WHERE kind = 'DEBIT'",
     "left -1 won"},
    {"I4", AUDIT_WALLET,
     "UPDATE ledger SET balance_after_won = 5001 WHERE kind = 'CHARGE' AND user_id = " U1,
     "left 5001 won"},
    {"I5", AUDIT_WALLET, "UPDATE ledger SET amount_won = 1001 WHERE amount_won = 1000",
     "charged 1001"},
    {"I5", AUDIT_PAYMENT, "UPDATE payment SET amount_won = 299 WHERE state = 'COMPLETED'",
     "paid 299"},
    {"I6", AUDIT_WALLET,
     "INSERT INTO ledger (entry_id, user_id, kind, amount_won, balance_after_won,"
     " idempotency_key) SELECT gen_random_uuid(), user_id, kind, amount_won,"
     " balance_after_won, idempotency_key FROM ledger WHERE kind = 'CHARGE'"
     " AND user_id = " U1,
     "charged twice with one key"},
    {"I6", AUDIT_WALLET,
     "INSERT INTO ledger (entry_id, user_id, kind, amount_won, balance_after_won,"
     " idempotency_key, created_at) SELECT gen_random_uuid(), user_id, kind, amount_won,"
     " balance_after_won, idempotency_key, created_at + '23:59:59'::interval FROM ledger"
     " WHERE kind = 'CHARGE' AND user_id = " U1,
     "charged twice with one key"},
    {"I6", AUDIT_WALLET, ENTRY "(" NO ", " U1 ", 'DEBIT', -300, 400, NULL, " D1 ", " P1 ")",
     "2 entries of kind DEBIT"},
    {"I6", AUDIT_PAYMENT,
     "UPDATE payment SET user_id = " U1 ", idempotency_key = 'a' WHERE state = 'FAILED'",
     "two payments with one key"},
    {"I6", AUDIT_RESERVATION, "UPDATE reservation SET idempotency_key = 'a' WHERE user_id = " U2,
     "reserved 2 times"},
    {"I6", AUDIT_PAYMENT, "UPDATE payment SET balance_after_won = 699 WHERE state = 'COMPLETED'",
     "told 699 won"},
    {"I7", AUDIT_RESERVATION,
     "UPDATE reservation SET status = 'EXPIRED' WHERE status = 'CONFIRMED'", "differ"},
    {"I7", AUDIT_RESERVATION,
     "UPDATE reservation SET status = 'CONFIRMED', payment_id = " P2 " WHERE status = 'HELD'",
     "differ"},
    {"I7", AUDIT_RESERVATION, "UPDATE reservation SET price_won = 301 WHERE status = 'CONFIRMED'",
     "301 won"},
    {"I7", AUDIT_RESERVATION, "UPDATE reservation SET user_id = " U2 " WHERE status = 'CONFIRMED'",
     "differ"},
    {"I7", AUDIT_RESERVATION,
     "UPDATE reservation SET payment_id = " P2 " WHERE status = 'CONFIRMED'", "differ"},
    {"I7", AUDIT_PAYMENT, "DELETE FROM payment WHERE state = 'COMPLETED'", "differ"},
    {"I7", AUDIT_WALLET, "DELETE FROM ledger WHERE kind = 'REFUND'", "0 won refunded in 0 refunds"},
    {"I7", AUDIT_WALLET, "UPDATE ledger SET amount_won = 199 WHERE kind = 'REFUND'",
     "199 won refunded"},
    {"I7", AUDIT_WALLET, ENTRY "(" NO ", " U1 ", 'REFUND', 300, 1000, NULL, " D1 ", " P1 ")",
     "COMPLETED"},
    {"I7", AUDIT_WALLET, ENTRY "(" NO ", " U1 ", 'DEBIT', -1, 699, NULL, " NO ", " NO ")",
     "1 won: 0 won refunded"},
    {"I7", AUDIT_WALLET, "DELETE FROM ledger WHERE kind = 'DEBIT' AND user_id = " U1,
     "paid without a debit"},
    {"I8", AUDIT_RESERVATION,
     "UPDATE reservation SET confirmed_at = claim_until + '1 ms'::interval"
     " WHERE status = 'CONFIRMED'",
     "reservation"},
    {"I9", AUDIT_PAYMENT, "UPDATE payment SET state = 'EXPIRING_TOKEN' WHERE state = 'COMPLETED'",
     "is EXPIRING_TOKEN"},
    {"I9", AUDIT_PAYMENT, "UPDATE payment SET state = 'RELEASING' WHERE state = 'FAILED'",
     "is RELEASING"},
    {"I9", AUDIT_RESERVATION, "UPDATE reservation SET claim_until = now() WHERE status = 'HELD'",
     "HELD past its time"},
    {"I9", AUDIT_RESERVATION,
     "UPDATE reservation SET status = 'PAYING', payment_id = " P2 " WHERE status = 'HELD'",
     "which is FAILED"},
    {"I9", AUDIT_RESERVATION,
     "UPDATE reservation SET status = 'PAYING', payment_id = " NO " WHERE status = 'HELD'",
     "which is unknown"},
    {"I10", AUDIT_PAYMENT, "UPDATE payment SET reservation_id = " R1 " WHERE state = 'FAILED'",
     "is for reservation"},
    {"I10", AUDIT_RESERVATION, "UPDATE reservation SET payment_id = " P1 " WHERE status = 'HELD'",
     "was paid by payment"},
    {"I10", AUDIT_WALLET, "UPDATE ledger SET payment_id = " P1 " WHERE kind = 'REFUND'",
     "belongs to payment"},
    {"I10", AUDIT_WALLET, "UPDATE ledger SET debit_id = " D1 " WHERE kind = 'REFUND'",
     "belongs to payment"},
    {"I10", AUDIT_RESERVATION, "UPDATE reservation SET token_id = " T1 " WHERE status = 'HELD'",
     "went through the token"},
    {"I10", AUDIT_PAYMENT, "UPDATE payment SET token_id = " T1 " WHERE state = 'FAILED'",
     "went through the token"},
    {"I11", AUDIT_QUEUE, "UPDATE line_event SET sequence = 1 WHERE entry = 2",
     "belongs to 2 users"},
    {"I11", AUDIT_QUEUE, "UPDATE line SET watermark = 1", "never handed out"},
    {"I11", AUDIT_QUEUE, "UPDATE line_event SET sequence = 3 WHERE entry IN (1, 3)",
     "sequence 2 of main was admitted after 3"},
    {"I11", AUDIT_QUEUE, "UPDATE line_event SET active = 3 WHERE entry = 2", "3 active, 2 allowed"},
    {"I12", AUDIT_QUEUE, "DELETE FROM line_event WHERE entry = 2", "token"},
    {"I12", AUDIT_QUEUE, "UPDATE line_event SET event = 'SKIPPED' WHERE entry = 2", "token"},
    {"I13", AUDIT_WALLET, "UPDATE charge_key SET entry_id = " NO " WHERE user_id = " U1,
     "which is gone"},
    {"I13", AUDIT_WALLET,
     "UPDATE charge_key SET entry_id = (SELECT entry_id FROM ledger WHERE kind = 'CHARGE'"
     " AND user_id = " U2 ") WHERE user_id = " U1,
     "of kind CHARGE and user 0190a000-0000-7000-8000-000000000002"},
    {"I13", AUDIT_WALLET,
     "UPDATE charge_key SET entry_id = (SELECT entry_id FROM ledger WHERE kind = 'DEBIT'"
     " AND user_id = " U1 ") WHERE user_id = " U1,
     "of kind DEBIT"},
    {"I13", AUDIT_WALLET, "UPDATE charge_key SET idempotency_key = 'b' WHERE user_id = " U1,
     "a charge key of user"},
    {"I13", AUDIT_PAYMENT, "UPDATE payment_key SET payment_id = " NO " WHERE user_id = " U1,
     "which is gone"},
    {"I13", AUDIT_PAYMENT, "UPDATE payment_key SET payment_id = " P2 " WHERE user_id = " U1,
     "of user 0190a000-0000-7000-8000-000000000002"},
    {"I13", AUDIT_PAYMENT, "UPDATE payment_key SET idempotency_key = 'b' WHERE user_id = " U1,
     "a payment key of user"},
    {"I12", AUDIT_RESERVATION, "UPDATE reservation SET queue = 'other' WHERE status = 'HELD'",
     "of other"},
};

START_TEST(every_violation_is_found)
{
    make_sound();
    for (size_t i = 0; i < ARRAY_LEN(plants); i++) {
        support_postgres_psql(owner_urls[plants[i].service], plants[i].plant);
        struct audit_report report = audit();
        const struct audit_finding *finding = find(&report, plants[i].id);
        bool told = false;
        for (size_t j = 0; j < finding->sample_count; j++)
            told = told || strstr(finding->samples[j], plants[i].sample);
        ck_assert_msg(told, "%s not found: %s (%d, %s)", plants[i].id, plants[i].plant,
                      (int)finding->violations,
                      finding->sample_count ? finding->samples[0] : "nothing");
        make_service_sound(plants[i].service);
    }
}
END_TEST

START_TEST(what_may_be_is_no_violation)
{
    static const struct {
        enum audit_service service;
        const char *change;
    } table[] = {
        /* Whoever was skipped comes back later than others. */
        {AUDIT_QUEUE,
         EVENT "('main', 1, 4, 'ADMITTED', 'RETURNED', 1, " U1 ", " T1 ", now(), 2, 2)"},
        /* The capacity was lowered: nobody is put out, and gates have none. */
        {AUDIT_QUEUE, EVENT "('main', 1, 4, 'ENDED', 'LEFT', 2, " U2 ", " T2 ", now(), 9, 1)"},
        {AUDIT_QUEUE,
         EVENT "('main', 1, 4, 'ADMITTED', 'TURN', 3, " NO ", " NO ", now(), 9, NULL)"},
        /* A refund lifted a balance above the limit. */
        {AUDIT_WALLET, "UPDATE account SET balance_won = 5200 WHERE user_id = " U2 ";"
                       "DELETE FROM charge_key WHERE user_id = " U2 ";"
                       "DELETE FROM ledger WHERE user_id = " U2 ";" ENTRY "(" NO ", " U2
                       ", 'CHARGE', 500, 500, 'a', NULL, NULL),"
                       "(" NO ", " U2 ", 'DEBIT', -200, 300, NULL, " D2 ", " P2 "),"
                       "(" NO ", " U2 ", 'CHARGE', 4700, 5000, 'b', NULL, NULL),"
                       "(" NO ", " U2 ", 'REFUND', 200, 5200, NULL, " D2 ", " P2 ");"},
        /* A key that was swept, and used again after its time. */
        {AUDIT_WALLET,
         "DELETE FROM charge_key WHERE user_id = " U1 ";"
         "UPDATE ledger SET created_at = created_at - '48:00'::interval WHERE user_id = " U1 ";"
         "UPDATE account SET balance_won = 701 WHERE user_id = " U1 ";" ENTRY "(" NO ", " U1
         ", 'CHARGE', 1, 701, 'a', NULL, NULL)"},
        {AUDIT_PAYMENT,
         "DELETE FROM payment_key WHERE user_id = " U1 ";"
         "UPDATE payment SET created_at = created_at - '24:00'::interval WHERE user_id = " U1
         ";" PAYMENT "(" NO ", " U1 ", " NO ", 'a', " NO ", " T1
         ", 'main', 'FAILED', NULL, NULL, NULL, NULL, NULL)"},
        /* A refund of nothing, which blocked its debit. */
        {AUDIT_WALLET, ENTRY "(" NO ", " U1 ", 'REFUND', 0, 700, NULL, " NO ", " NO ")"},
        /* A failed payment of a stranger who never got hold of the seat. */
        {AUDIT_PAYMENT, "INSERT INTO payment (payment_id, user_id, reservation_id, idempotency_key,"
                        " debit_id, token_id, queue, state) VALUES (" NO ", " U2 ", " R1
                        ", 'x', " NO ", " T2 ", 'main', 'FAILED')"},
    };
    make_sound();
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        support_postgres_psql(owner_urls[table[i].service], table[i].change);
        struct audit_report report = audit();
        for (size_t j = 0; j < report.count; j++)
            ck_assert_msg(report.findings[j].violations == 0, "%s: %s", table[i].change,
                          report.findings[j].samples[0]);
        make_service_sound(table[i].service);
    }
}
END_TEST

START_TEST(more_rows_than_one_fetch_are_all_seen)
{
    make_sound();
    support_postgres_psql(owner_urls[AUDIT_WALLET],
                          "INSERT INTO account SELECT gen_random_uuid(), 0"
                          " FROM generate_series(1, 2500)");
    struct audit_report report = audit();
    ck_assert_int_eq(report.violations, 0);
    ck_assert_int_eq(report.rows_read, 2500 + 3 + 1 + 3 + 2 + 5 + 2 + 2 + 2);

    support_postgres_psql(owner_urls[AUDIT_WALLET],
                          "UPDATE account SET balance_won = 1 WHERE balance_won = 0");
    report = audit();
    ck_assert_int_eq(find(&report, "I3")->violations, 2500);
    ck_assert_uint_eq(find(&report, "I3")->sample_count, SAMPLES);
}
END_TEST

START_TEST(the_audit_changes_nothing)
{
    make_sound();
    audit();
    for (int i = 0; i < AUDIT_SERVICE_COUNT; i++)
        ck_assert_str_eq(support_postgres_psql(owner_urls[i], "SELECT count(*) FROM pg_class"
                                                              " WHERE relname LIKE 'audit_%'"),
                         "0");
}
END_TEST

START_TEST(the_auditor_reads_every_table_and_writes_none)
{
    static const struct {
        enum audit_service service;
        const char *sql;
    } forbidden[] = {
        {AUDIT_QUEUE, "DELETE FROM line_event"},
        {AUDIT_RESERVATION, "UPDATE reservation SET status = 'HELD'"},
        {AUDIT_WALLET, "UPDATE account SET balance_won = 0"},
        {AUDIT_WALLET, "INSERT INTO account VALUES (" NO ", 0)"},
        {AUDIT_WALLET, "DELETE FROM ledger"},
        {AUDIT_PAYMENT, "DELETE FROM payment_key"},
        {AUDIT_PAYMENT, "TRUNCATE payment"},
        {AUDIT_PAYMENT, "CREATE TABLE mine (a int)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
        const char *refusal =
            support_postgres_refusal(audit_urls[forbidden[i].service], forbidden[i].sql);
        ck_assert_msg(strstr(refusal, "permission denied") != NULL, "%s: %s", forbidden[i].sql,
                      refusal);
    }
}
END_TEST

START_TEST(a_violation_that_settles_counts_when_two_looks_tell_it)
{
    const struct audit_invariant always = {.id = "I3"};
    const struct audit_invariant settling = {.id = "I9", .settles = true};
    const char *first[] = {"a", "b", "c"}, *then[] = {"b", "c", "d"};
    struct audit_finding before = {&settling, 3, 3, first};
    struct audit_finding now = {&settling, 3, 3, then};
    struct audit_finding none = {&settling, 0, 0, NULL};
    ck_assert_int_eq(audit_count_lasting(&before, &now), 2);
    ck_assert_int_eq(audit_count_lasting(NULL, &now), 0);
    ck_assert_int_eq(audit_count_lasting(&none, &now), 0);
    ck_assert_int_eq(audit_count_lasting(&before, &none), 0);
    now.invariant = &always;
    now.violations = 3000;
    ck_assert_int_eq(audit_count_lasting(NULL, &now), 3000);
}
END_TEST

/* --- the audit as a job --- */

static int64_t shown(const char *id)
{
    char label[32];
    snprintf(label, sizeof(label), "invariant=\"%s\"", id);
    return metrics_gauge_value(metrics_gauge("boxoffice_invariant_violations", label, ""));
}

static uint64_t looks(const char *outcome)
{
    return metrics_counter_value(metrics_counter("boxoffice_audit_looks_total", outcome, ""));
}

/* Until so many more looks have ended. */
static void await_looks(const char *outcome, uint64_t more)
{
    const uint64_t wanted = looks(outcome) + more;
    for (int i = 0; i < 6000 && looks(outcome) < wanted; i++)
        usleep(10000);
    ck_assert_uint_ge(looks(outcome), wanted);
}

/* The file tells counts, of I3 among them, and never whom they are about. */
static void expect_report(const char *path, bool is_violated)
{
    char text[16384] = "";
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_gt(fread(text, 1, sizeof text - 1, file), 0);
    fclose(file);
    const char *found = strstr(text, "\"id\":\"I3\"");
    ck_assert_msg(found != NULL, "%s", text);
    found = strstr(found, "\"violations\":");
    ck_assert_int_eq(found[strlen("\"violations\":")], is_violated ? '1' : '0');
    ck_assert_ptr_nonnull(strstr(text, "\"samples\":[]"));
    ck_assert_ptr_null(strstr(text, "\"samples\":[\""));
}

START_TEST(a_watch_shows_what_stays_wrong_until_it_is_right)
{
    static const char done[] = "outcome=\"done\"";
    make_sound();
    struct audit_options options = options_of(AUDIT_SAMPLES_MAX);
    char path[64];
    snprintf(path, sizeof path, "/tmp/boxoffice-audit-%d.json", (int)getpid());
    struct audit_watch *watch = audit_watch_start(&options, 50, path);
    await_looks(done, 2);
    for (size_t i = 0; i < audit_invariant_count; i++)
        ck_assert_int_eq(shown(audit_invariants[i].id), 0);
    ck_assert_int_eq(audit_watch_check(begin(), watch), ST_OK);

    support_postgres_psql(owner_urls[AUDIT_WALLET],
                          "UPDATE account SET balance_won = 701 WHERE user_id = " U1);
    support_postgres_psql(owner_urls[AUDIT_RESERVATION],
                          "UPDATE reservation SET claim_until = now() WHERE status = 'HELD'");
    await_looks(done, 3);
    ck_assert_int_eq(shown("I3"), 1);
    ck_assert_int_eq(shown("I5"), 1);
    ck_assert_int_eq(shown("I9"), 1);
    ck_assert_int_eq(shown("I1"), 0);
    expect_report(path, true);

    make_sound();
    await_looks(done, 2);
    ck_assert_int_eq(shown("I3") + shown("I5") + shown("I9"), 0);
    expect_report(path, false);
    remove(path);
    audit_watch_stop(&watch);
    ck_assert_ptr_null(watch);
}
END_TEST

START_TEST(a_watch_that_cannot_look_is_not_ready)
{
    struct audit_options options = options_of(AUDIT_SAMPLES_MAX);
    options.urls[AUDIT_WALLET] = owner_urls[AUDIT_QUEUE];
    struct audit_watch *watch = audit_watch_start(&options, 50, "");
    await_looks("outcome=\"failed\"", 2);
    ck_assert_int_eq(audit_watch_check(begin(), watch), ST_UNAVAILABLE);
    audit_watch_stop(&watch);
}
END_TEST

START_TEST(a_database_that_cannot_be_read_is_a_failure)
{
    struct audit_options options = options_of(SAMPLES);
    options.urls[AUDIT_WALLET] = owner_urls[AUDIT_QUEUE];
    struct audit_report report;
    ck_assert_int_ne(audit_run(begin(), &options, &report), ST_OK);
}
END_TEST

static void print(void (*printer)(const struct audit_report *, FILE *),
                  const struct audit_report *report, char *text, size_t size)
{
    memset(text, 0, size);
    FILE *out = fmemopen(text, size - 1, "w");
    ck_assert_ptr_nonnull(out);
    printer(report, out);
    fclose(out);
}

START_TEST(the_report_names_every_invariant_and_its_violations)
{
    static char text[16384];
    make_sound();
    support_postgres_psql(owner_urls[AUDIT_WALLET],
                          "UPDATE account SET balance_won = -1 WHERE user_id = " U1);
    struct audit_report report = audit();
    print(report_print, &report, text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "I1  a seat has at most one live claim violations=0\n"));
    ck_assert_ptr_nonnull(
        strstr(text, "I4  no balance is negative or above the limit violations=1\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nI14 "));
    ck_assert_ptr_nonnull(strstr(text, "BROKEN: 13 invariants"));

    print(report_print_json, &report, text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "{\"id\":\"I4\",\"sentence\":"));
    ck_assert_ptr_nonnull(strstr(text, "\"violations\":1,\"samples\":[\"user"));

    make_sound();
    report = audit();
    print(report_print, &report, text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "sound: 13 invariants over 20 rows, 0 violations\n"));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("audit");
    tcase_add_unchecked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, a_sound_world_has_no_violation);
    tcase_add_test(tcase, an_empty_world_has_no_violation);
    tcase_add_test(tcase, every_violation_is_found);
    tcase_add_test(tcase, what_may_be_is_no_violation);
    tcase_add_test(tcase, more_rows_than_one_fetch_are_all_seen);
    tcase_add_test(tcase, the_audit_changes_nothing);
    tcase_add_test(tcase, the_auditor_reads_every_table_and_writes_none);
    tcase_add_test(tcase, a_violation_that_settles_counts_when_two_looks_tell_it);
    tcase_add_test(tcase, a_watch_shows_what_stays_wrong_until_it_is_right);
    tcase_add_test(tcase, a_watch_that_cannot_look_is_not_ready);
    tcase_add_test(tcase, a_database_that_cannot_be_read_is_a_failure);
    tcase_add_test(tcase, the_report_names_every_invariant_and_its_violations);

    Suite *suite = suite_create("admin audit");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
