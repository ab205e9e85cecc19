#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db.h"
#include "db/migrate.h"
#include "store.h"
#include "support/postgres.h"

extern const struct db_migration wallet_migrations[];
extern const size_t wallet_migration_count;

enum { THREADS = 16, ROUNDS = 25 };
static const int64_t limit = 1000000;

static struct support_postgres postgres;
static char owner_url[SUPPORT_URL_SIZE];
static char app_url[SUPPORT_URL_SIZE];
static struct db *db;
static struct db *other_db; /* another instance of the service */

struct scratch {
    unsigned char block[256 * 1024];
    struct arena arena;
    struct ctx ctx;
};

static struct ctx *begin(struct scratch *scratch)
{
    arena_init(&scratch->arena, scratch->block, sizeof(scratch->block));
    ctx_init(&scratch->ctx, &scratch->arena);
    ctx_set_timeout_ms(&scratch->ctx, 30000);
    return &scratch->ctx;
}

static struct db *open_db(void)
{
    struct db *opened = NULL;
    ck_assert_int_eq(db_new(&(struct db_options){.url = app_url}, &opened), ST_OK);
    return opened;
}

static void set_up(void)
{
    static struct scratch scratch;
    support_postgres_start(&postgres);
    support_postgres_add_service(&postgres, "wallet", owner_url, app_url);
    ck_assert_int_eq(
        db_migrate(begin(&scratch), owner_url, wallet_migrations, wallet_migration_count), ST_OK);
    db = open_db();
    other_db = open_db();
}

static void tear_down(void)
{
    db_free(&db);
    db_free(&other_db);
    support_postgres_stop(&postgres);
}

static struct uuid new_id(void)
{
    struct uuid id;
    uuid_v7(&id);
    return id;
}

static enum status charge(struct db *at, const struct uuid *user, int64_t amount_won,
                          const char *key, struct wallet_movement *ret_movement)
{
    struct scratch scratch;
    return wallet_store_charge(begin(&scratch), at,
                               &(struct wallet_charge){.user_id = user->text,
                                                       .amount_won = amount_won,
                                                       .idempotency_key = key,
                                                       .balance_won_max = limit},
                               ret_movement);
}

static enum status debit(struct db *at, const struct uuid *debit_id, const struct uuid *user,
                         int64_t amount_won, const struct uuid *payment,
                         struct wallet_movement *ret_movement)
{
    struct scratch scratch;
    return wallet_store_debit(begin(&scratch), at,
                              &(struct wallet_debit){.debit_id = debit_id->text,
                                                     .user_id = user->text,
                                                     .amount_won = amount_won,
                                                     .payment_id = payment->text},
                              ret_movement);
}

static enum status refund(struct db *at, const struct uuid *debit_id, const struct uuid *user,
                          const struct uuid *payment, struct wallet_movement *ret_movement)
{
    struct scratch scratch;
    return wallet_store_refund(begin(&scratch), at,
                               &(struct wallet_refund){.debit_id = debit_id->text,
                                                       .user_id = user->text,
                                                       .payment_id = payment->text},
                               ret_movement);
}

static int64_t balance_of(const struct uuid *user)
{
    struct scratch scratch;
    int64_t balance_won = -1;
    ck_assert_int_eq(wallet_store_get_balance(begin(&scratch), db, user->text, &balance_won),
                     ST_OK);
    return balance_won;
}

/* After every test: no account differs from the sum of its entries, no entry from the running sum.
 */
static void check_books(void)
{
    ck_assert_str_eq(support_postgres_psql(
                         owner_url,
                         "SELECT count(*) FROM account a FULL JOIN (SELECT user_id, sum(amount_won)"
                         " AS s FROM ledger GROUP BY user_id) l USING (user_id)"
                         " WHERE a.balance_won IS DISTINCT FROM coalesce(l.s, 0)"),
                     "0");
    ck_assert_str_eq(
        support_postgres_psql(
            owner_url,
            "SELECT count(*) FROM (SELECT balance_after_won, sum(amount_won) OVER (PARTITION BY"
            " user_id ORDER BY entry_no) AS s FROM ledger) l WHERE balance_after_won <> s"),
        "0");
}

START_TEST(a_charge_adds_and_a_repeat_answers_the_same)
{
    struct uuid user = new_id();
    struct wallet_movement first, again;
    ck_assert_int_eq(balance_of(&user), 0);
    ck_assert_int_eq(charge(db, &user, 500, "a", &first), ST_OK);
    ck_assert(!first.replayed);
    ck_assert_int_eq(first.balance_won, 500);
    ck_assert_int_eq(charge(db, &user, 70, "b", &again), ST_OK);
    ck_assert_int_eq(again.balance_won, 570);

    ck_assert_int_eq(charge(other_db, &user, 500, "a", &again), ST_OK);
    ck_assert(again.replayed);
    ck_assert_str_eq(again.entry_id.text, first.entry_id.text);
    ck_assert_int_eq(again.balance_won, 500);
    ck_assert_int_eq(charge(db, &user, 501, "a", &again), ST_IDEMPOTENCY_KEY_REUSED);
    ck_assert_int_eq(balance_of(&user), 570);

    /* Keys are a user's own. */
    struct uuid other = new_id();
    ck_assert_int_eq(charge(db, &other, 1, "a", &again), ST_OK);
    ck_assert(!again.replayed);
    check_books();
}
END_TEST

START_TEST(a_charge_fills_to_the_brim_and_no_further)
{
    struct uuid user = new_id();
    struct wallet_movement movement;
    ck_assert_int_eq(charge(db, &user, limit - 1, "a", &movement), ST_OK);
    ck_assert_int_eq(charge(db, &user, 2, "b", &movement), ST_BALANCE_LIMIT);
    ck_assert_int_eq(charge(db, &user, 1, "b", &movement), ST_OK);
    ck_assert_int_eq(charge(db, &user, 1, "c", &movement), ST_BALANCE_LIMIT);
    ck_assert_int_eq(balance_of(&user), limit);
    check_books();
}
END_TEST

START_TEST(a_debit_takes_what_is_there_once)
{
    struct uuid user = new_id(), poor = new_id(), payment = new_id(), id = new_id(), id2 = new_id();
    struct wallet_movement movement;
    ck_assert_int_eq(debit(db, &id, &poor, 1, &payment, &movement), ST_INSUFFICIENT_BALANCE);

    ck_assert_int_eq(charge(db, &user, 500, "a", &movement), ST_OK);
    ck_assert_int_eq(debit(db, &id, &user, 501, &payment, &movement), ST_INSUFFICIENT_BALANCE);
    ck_assert_int_eq(debit(db, &id, &user, 500, &payment, &movement), ST_OK);
    ck_assert_int_eq(movement.balance_won, 0);
    ck_assert_int_eq(debit(other_db, &id, &user, 500, &payment, &movement), ST_OK);
    ck_assert(movement.replayed);
    ck_assert_int_eq(debit(db, &id2, &user, 1, &payment, &movement), ST_INSUFFICIENT_BALANCE);
    check_books();
}
END_TEST

START_TEST(an_id_used_with_other_content_is_refused)
{
    struct uuid user = new_id(), other = new_id(), payment = new_id(), id = new_id();
    struct wallet_movement movement;
    ck_assert_int_eq(charge(db, &user, 500, "a", &movement), ST_OK);
    ck_assert_int_eq(charge(db, &other, 500, "a", &movement), ST_OK);
    ck_assert_int_eq(debit(db, &id, &user, 100, &payment, &movement), ST_OK);

    ck_assert_int_eq(debit(db, &id, &user, 101, &payment, &movement), ST_IDEMPOTENCY_KEY_REUSED);
    ck_assert_int_eq(debit(db, &id, &user, 100, &id, &movement), ST_IDEMPOTENCY_KEY_REUSED);
    ck_assert_int_eq(debit(db, &id, &other, 100, &payment, &movement), ST_IDEMPOTENCY_KEY_REUSED);
    ck_assert_int_eq(refund(db, &id, &other, &payment, &movement), ST_IDEMPOTENCY_KEY_REUSED);
    ck_assert_int_eq(refund(db, &id, &user, &id, &movement), ST_IDEMPOTENCY_KEY_REUSED);
    ck_assert_int_eq(balance_of(&user), 400);
    ck_assert_int_eq(balance_of(&other), 500);

    ck_assert_int_eq(refund(db, &id, &user, &payment, &movement), ST_OK);
    ck_assert_int_eq(refund(db, &id, &other, &payment, &movement), ST_IDEMPOTENCY_KEY_REUSED);
    check_books();
}
END_TEST

START_TEST(a_refund_gives_back_what_its_debit_took_once)
{
    struct uuid user = new_id(), payment = new_id(), id = new_id();
    struct wallet_movement movement, again;
    ck_assert_int_eq(charge(db, &user, 500, "a", &movement), ST_OK);
    ck_assert_int_eq(debit(db, &id, &user, 300, &payment, &movement), ST_OK);
    ck_assert_int_eq(refund(db, &id, &user, &payment, &movement), ST_OK);
    ck_assert_int_eq(movement.amount_won, 300);
    ck_assert_int_eq(movement.balance_won, 500);
    ck_assert_int_eq(refund(other_db, &id, &user, &payment, &again), ST_OK);
    ck_assert(again.replayed);
    ck_assert_str_eq(again.entry_id.text, movement.entry_id.text);
    ck_assert_int_eq(debit(db, &id, &user, 300, &payment, &movement), ST_DEBIT_REFUNDED);
    ck_assert_int_eq(balance_of(&user), 500);
    check_books();
}
END_TEST

START_TEST(a_refund_is_never_refused_for_the_limit)
{
    struct uuid user = new_id(), payment = new_id(), id = new_id();
    struct wallet_movement movement;
    ck_assert_int_eq(charge(db, &user, limit, "a", &movement), ST_OK);
    ck_assert_int_eq(debit(db, &id, &user, 300, &payment, &movement), ST_OK);
    ck_assert_int_eq(charge(db, &user, 300, "b", &movement), ST_OK);
    ck_assert_int_eq(refund(db, &id, &user, &payment, &movement), ST_OK);
    ck_assert_int_eq(balance_of(&user), limit + 300);
    check_books();
}
END_TEST

START_TEST(a_refund_before_its_debit_blocks_that_debit)
{
    struct uuid user = new_id(), stranger = new_id(), payment = new_id(), id = new_id(),
                id2 = new_id();
    struct wallet_movement movement;
    ck_assert_int_eq(charge(db, &user, 500, "a", &movement), ST_OK);
    ck_assert_int_eq(refund(db, &id, &user, &payment, &movement), ST_OK);
    ck_assert_int_eq(movement.amount_won, 0);
    ck_assert_int_eq(debit(other_db, &id, &user, 300, &payment, &movement), ST_DEBIT_REFUNDED);
    ck_assert_int_eq(refund(db, &id, &user, &payment, &movement), ST_OK);
    ck_assert(movement.replayed);
    ck_assert_int_eq(balance_of(&user), 500);

    /* Also for an account that is not there yet. */
    ck_assert_int_eq(refund(db, &id2, &stranger, &payment, &movement), ST_OK);
    ck_assert_int_eq(charge(db, &stranger, 500, "a", &movement), ST_OK);
    ck_assert_int_eq(debit(db, &id2, &stranger, 300, &payment, &movement), ST_DEBIT_REFUNDED);
    check_books();
}
END_TEST

START_TEST(history_is_paged_newest_first_and_hides_refunds_of_nothing)
{
    struct uuid user = new_id(), payment = new_id(), id = new_id(), id2 = new_id();
    struct wallet_movement movement;
    ck_assert_int_eq(charge(db, &user, 500, "a", &movement), ST_OK);
    ck_assert_int_eq(debit(db, &id, &user, 300, &payment, &movement), ST_OK);
    ck_assert_int_eq(refund(db, &id2, &user, &payment, &movement), ST_OK);
    ck_assert_int_eq(refund(db, &id, &user, &payment, &movement), ST_OK);

    struct scratch scratch;
    const struct wallet_entry *entries;
    size_t count;
    ck_assert_int_eq(wallet_store_list(begin(&scratch), db, user.text, "", 2, &entries, &count),
                     ST_OK);
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(entries[0].kind, WALLET_REFUND);
    ck_assert_int_eq(entries[0].amount_won, 300);
    ck_assert_str_eq(entries[0].payment_id, payment.text);
    ck_assert_int_eq(entries[1].kind, WALLET_DEBIT);
    ck_assert_int_eq(entries[1].amount_won, -300);
    ck_assert_int_eq(entries[1].balance_after_won, 200);
    ck_assert_int_gt(entries[1].created_at_unix_ms, INT64_C(1700000000000));

    /* What comes in meanwhile does not shift the next page. */
    struct scratch next_scratch;
    struct uuid last;
    ck_assert(uuid_parse(entries[1].entry_id, &last));
    ck_assert_int_eq(charge(db, &user, 1, "b", &movement), ST_OK);
    ck_assert_int_eq(wallet_store_list(begin(&next_scratch), other_db, user.text, last.text, 2,
                                       &entries, &count),
                     ST_OK);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(entries[0].kind, WALLET_CHARGE);
    ck_assert_int_eq(entries[0].amount_won, 500);
    ck_assert_str_eq(entries[0].payment_id, "");

    /* Nothing is older than the oldest. */
    ck_assert(uuid_parse(entries[0].entry_id, &last));
    ck_assert_int_eq(
        wallet_store_list(begin(&scratch), db, user.text, last.text, 2, &entries, &count), ST_OK);
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(a_page_starts_at_an_entry_of_the_user_only)
{
    struct uuid user = new_id(), other = new_id();
    struct wallet_movement mine, theirs;
    struct scratch scratch;
    const struct wallet_entry *entries;
    size_t count;
    ck_assert_int_eq(wallet_store_list(begin(&scratch), db, user.text, "", 2, &entries, &count),
                     ST_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(charge(db, &user, 1, "a", &mine), ST_OK);
    ck_assert_int_eq(charge(db, &other, 1, "a", &theirs), ST_OK);
    ck_assert_int_eq(wallet_store_list(begin(&scratch), db, user.text, theirs.entry_id.text, 2,
                                       &entries, &count),
                     ST_INVALID_REQUEST);
    ck_assert_int_eq(
        wallet_store_list(begin(&scratch), db, user.text, other.text, 2, &entries, &count),
        ST_INVALID_REQUEST);
}
END_TEST

/* --- keys --- */

static void age_keys(const char *age)
{
    char sql[160];
    snprintf(sql, sizeof(sql),
             "UPDATE charge_key SET created_at = clock_timestamp() - interval '%s'", age);
    support_postgres_psql(owner_url, sql);
}

static int64_t sweep(void)
{
    struct scratch scratch;
    int64_t count = 0, swept = 0;
    do {
        ck_assert_int_eq(wallet_store_sweep_keys(begin(&scratch), db, 100, &count), ST_OK);
        swept += count;
    } while (count == 100);
    return swept;
}

START_TEST(a_key_is_kept_for_24_hours_and_then_swept)
{
    for (int swept = 0; swept <= 1; swept++) {
        struct uuid user = new_id();
        struct wallet_movement first, again;
        ck_assert_int_eq(charge(db, &user, 500, "a", &first), ST_OK);
        age_keys("23:59:50");
        ck_assert_int_eq(sweep(), 0);
        ck_assert_int_eq(charge(db, &user, 500, "a", &again), ST_OK);
        ck_assert(again.replayed);
        ck_assert_int_eq(charge(db, &user, 501, "a", &again), ST_IDEMPOTENCY_KEY_REUSED);

        /* Past its time a key is new, swept or not. */
        age_keys("24:00:00");
        if (swept)
            ck_assert_int_gt(sweep(), 0);
        ck_assert_int_eq(charge(other_db, &user, 501, "a", &again), ST_OK);
        ck_assert(!again.replayed);
        ck_assert_int_eq(again.balance_won, 1001);
        ck_assert_int_eq(charge(db, &user, 501, "a", &again), ST_OK);
        ck_assert(again.replayed);
        sweep(); /* others' keys, not the one that was taken over */
        ck_assert_int_eq(charge(db, &user, 501, "a", &again), ST_OK);
        ck_assert(again.replayed);
        ck_assert_int_eq(balance_of(&user), 1001);
    }
    check_books();
}
END_TEST

START_TEST(a_charge_that_was_refused_keeps_no_key)
{
    struct uuid user = new_id(), payment = new_id(), id = new_id();
    struct wallet_movement movement;
    ck_assert_int_eq(charge(db, &user, limit, "a", &movement), ST_OK);
    ck_assert_int_eq(charge(db, &user, 5, "b", &movement), ST_BALANCE_LIMIT);
    ck_assert_int_eq(debit(db, &id, &user, 10, &payment, &movement), ST_OK);
    ck_assert_int_eq(charge(db, &user, 6, "b", &movement), ST_OK);
    ck_assert(!movement.replayed);
    check_books();
}
END_TEST

/* --- races --- */

struct racer {
    pthread_t thread;
    size_t index;
    struct uuid user;
    struct uuid id;
    struct uuid payment;
    void (*run)(struct racer *racer);
    int done;
    int replayed;
    int refused;
    bool broken;
};

static void *run_racer(void *self)
{
    struct racer *racer = self;
    racer->run(racer);
    return NULL;
}

static void race(struct racer racers[THREADS], void (*run)(struct racer *racer))
{
    for (size_t i = 0; i < THREADS; i++) {
        racers[i].index = i;
        racers[i].run = run;
        ck_assert_int_eq(pthread_create(&racers[i].thread, NULL, run_racer, &racers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(racers[i].thread, NULL);
        ck_assert(!racers[i].broken);
    }
}

static void note(struct racer *racer, enum status status, enum status refusal, bool replayed)
{
    if (status == ST_OK && replayed)
        racer->replayed++;
    else if (status == ST_OK)
        racer->done++;
    else if (status == refusal)
        racer->refused++;
    else
        racer->broken = true;
}

static struct db *instance(const struct racer *racer)
{
    return racer->index % 2 == 0 ? db : other_db;
}

static int sum(const struct racer racers[THREADS], size_t offset)
{
    int total = 0;
    for (size_t i = 0; i < THREADS; i++)
        total += *(const int *)((const char *)&racers[i] + offset);
    return total;
}
#define SUM(racers, member) sum(racers, offsetof(struct racer, member))

static void charge_often(struct racer *racer)
{
    for (int i = 0; i < ROUNDS; i++) {
        char key[32];
        struct wallet_movement movement = {0};
        snprintf(key, sizeof(key), "%zu-%d", racer->index, i);
        enum status status = charge(instance(racer), &racer->user, 10, key, &movement);
        note(racer, status, ST_OK, movement.replayed);
    }
}

START_TEST(parallel_charges_of_a_new_wallet_add_up)
{
    struct racer racers[THREADS] = {0};
    struct uuid user = new_id();
    for (size_t i = 0; i < THREADS; i++)
        racers[i].user = user;
    race(racers, charge_often);
    ck_assert_int_eq(SUM(racers, done), THREADS * ROUNDS);
    ck_assert_int_eq(balance_of(&user), 10 * THREADS * ROUNDS);
    check_books();
}
END_TEST

static void charge_with_one_key(struct racer *racer)
{
    struct wallet_movement movement = {0};
    enum status status = charge(instance(racer), &racer->user, 10, "same", &movement);
    note(racer, status, ST_OK, movement.replayed);
}

START_TEST(charging_in_parallel_with_one_key_charges_once)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct racer racers[THREADS] = {0};
        struct uuid user = new_id();
        for (size_t i = 0; i < THREADS; i++)
            racers[i].user = user;
        race(racers, charge_with_one_key);
        ck_assert_int_eq(SUM(racers, done), 1);
        ck_assert_int_eq(SUM(racers, replayed), THREADS - 1);
        ck_assert_int_eq(balance_of(&user), 10);
    }
    check_books();
}
END_TEST

static void debit_once(struct racer *racer)
{
    struct wallet_movement movement = {0};
    enum status status =
        debit(instance(racer), &racer->id, &racer->user, 100, &racer->payment, &movement);
    note(racer, status, ST_INSUFFICIENT_BALANCE, movement.replayed);
}

START_TEST(parallel_debits_take_no_more_than_there_is)
{
    struct racer racers[THREADS] = {0};
    struct uuid user = new_id();
    struct wallet_movement movement;
    ck_assert_int_eq(charge(db, &user, 550, "a", &movement), ST_OK);
    for (size_t i = 0; i < THREADS; i++) {
        racers[i].user = user;
        racers[i].id = new_id();
        racers[i].payment = new_id();
    }
    race(racers, debit_once);
    ck_assert_int_eq(SUM(racers, done), 5);
    ck_assert_int_eq(SUM(racers, refused), THREADS - 5);
    ck_assert_int_eq(balance_of(&user), 50);
    check_books();
}
END_TEST

static void debit_or_refund(struct racer *racer)
{
    struct wallet_movement movement = {0};
    enum status status =
        racer->index % 4 < 2
            ? debit(instance(racer), &racer->id, &racer->user, 100, &racer->payment, &movement)
            : refund(instance(racer), &racer->id, &racer->user, &racer->payment, &movement);
    note(racer, status, ST_DEBIT_REFUNDED, movement.replayed);
}

START_TEST(a_debit_racing_its_refund_costs_nothing_in_the_end)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct racer racers[THREADS] = {0};
        struct uuid user = new_id(), id = new_id(), payment = new_id();
        struct wallet_movement movement;
        ck_assert_int_eq(charge(db, &user, 500, "a", &movement), ST_OK);
        for (size_t i = 0; i < THREADS; i++) {
            racers[i].user = user;
            racers[i].id = id;
            racers[i].payment = payment;
        }
        race(racers, debit_or_refund);
        ck_assert_int_eq(balance_of(&user), 500);
    }
    check_books();
}
END_TEST

START_TEST(nothing_deadlocked)
{
    struct db_stats stats, other_stats;
    db_read_stats(db, &stats);
    db_read_stats(other_db, &other_stats);
    ck_assert_uint_eq(stats.deadlocks + other_stats.deadlocks, 0);
}
END_TEST

/* --- the schema is the last truth --- */

#define USER  "'0190a000-0000-7000-8000-000000000001'"
#define OTHER "'0190a000-0000-7000-8000-000000000002'"
#define ENTRY                                                                                      \
    "INSERT INTO ledger (entry_id, user_id, kind, amount_won, balance_after_won, idempotency_key," \
    " debit_id, payment_id) VALUES (gen_random_uuid(), " USER ", "

#define ENTRY_ID              "(SELECT entry_id FROM ledger WHERE kind = 'CHARGE' AND user_id = " USER ")"
#define KEY(user, key, entry) "INSERT INTO charge_key VALUES (" user ", " key ", " entry ")"

START_TEST(the_schema_refuses_what_must_never_be)
{
    static const struct {
        const char *sql;
        const char *constraint;
    } table[] = {
        {"UPDATE account SET balance_won = -1 WHERE user_id = " USER, "account_balance_won_check"},
        {"UPDATE account SET balance_won = 1000000000000001 WHERE user_id = " USER,
         "account_balance_won_check"},
        {"INSERT INTO account VALUES (" USER ", 0)", "account_pkey"},
        {KEY(USER, "'used'", ENTRY_ID), "charge_key_pkey"},
        {KEY(OTHER, "'used'", ENTRY_ID), "charge_key_entry_id_key"},
        {KEY(OTHER, "'used'", "gen_random_uuid()"), "charge_key_entry_id_fkey"},
        {KEY(OTHER, "''", ENTRY_ID), "charge_key_idempotency_key_check"},
        {KEY(OTHER, "repeat('k', 129)", ENTRY_ID), "charge_key_idempotency_key_check"},
        {ENTRY "'DEBIT', -1, 1, NULL, " USER ", " USER ")", "ledger_debit_once"},
        {ENTRY "'REFUND', 1, 1, NULL, " USER ", " USER ")", "ledger_debit_once"},
        {ENTRY "'CHARGE', 0, 1, 'k', NULL, NULL)", "ledger_shape"},
        {ENTRY "'CHARGE', 1, 1, NULL, NULL, NULL)", "ledger_shape"},
        {ENTRY "'CHARGE', 1, 1, 'k', " OTHER ", NULL)", "ledger_shape"},
        {ENTRY "'CHARGE', 1, 1, 'k', NULL, " OTHER ")", "ledger_shape"},
        {ENTRY "'DEBIT', 0, 1, NULL, " OTHER ", " OTHER ")", "ledger_shape"},
        {ENTRY "'DEBIT', -1, 1, NULL, NULL, " OTHER ")", "ledger_shape"},
        {ENTRY "'DEBIT', -1, 1, NULL, " OTHER ", NULL)", "ledger_shape"},
        {ENTRY "'DEBIT', -1, 1, 'k', " OTHER ", " OTHER ")", "ledger_shape"},
        {ENTRY "'REFUND', -1, 1, NULL, " OTHER ", " OTHER ")", "ledger_shape"},
        {ENTRY "'REFUND', 1, 1, NULL, NULL, " OTHER ")", "ledger_shape"},
        {ENTRY "'GIFT', 1, 1, 'k', NULL, NULL)", "ledger_shape"},
        {ENTRY "'CHARGE', 1, -1, 'k', NULL, NULL)", "ledger_balance_after_won_check"},
        {ENTRY "'CHARGE', 1, 1, '', NULL, NULL)", "ledger_idempotency_key_check"},
        {ENTRY "'CHARGE', 1, 1, repeat('k', 129), NULL, NULL)", "ledger_idempotency_key_check"},
        {"INSERT INTO ledger (entry_id, user_id, kind, amount_won, balance_after_won,"
         " idempotency_key) VALUES (gen_random_uuid(), " OTHER ", 'CHARGE', 1, 1, 'k')",
         "ledger_user_id_fkey"},
        {"DELETE FROM account WHERE user_id = " USER, "ledger_user_id_fkey"},
    };

    support_postgres_psql(
        owner_url,
        "INSERT INTO account VALUES (" USER ", 1);" ENTRY
        "'CHARGE', 1, 1, 'used', NULL, NULL);" KEY(
            USER, "'used'", ENTRY_ID) ";" ENTRY "'DEBIT', -1, 0, NULL, " USER ", " USER ");" ENTRY
                                      "'REFUND', 1, 1, NULL, " USER ", " USER ")");
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const char *refusal = support_postgres_refusal(owner_url, table[i].sql);
        ck_assert_msg(strstr(refusal, table[i].constraint) != NULL, "%s: %s", table[i].sql,
                      refusal);
    }
    /* The longest key is fine. */
    ck_assert_str_eq(
        support_postgres_refusal(owner_url, ENTRY
                                 "'CHARGE', 1, 1, repeat('k', 128), NULL, NULL);"
                                 "DELETE FROM charge_key; DELETE FROM ledger; DELETE FROM account"),
        "");
}
END_TEST

START_TEST(the_service_may_neither_change_nor_delete_what_was_written)
{
    static const char *const forbidden[] = {
        "UPDATE ledger SET amount_won = 1",
        "DELETE FROM ledger",
        "TRUNCATE ledger",
        "DELETE FROM account",
        "UPDATE account SET user_id = gen_random_uuid()",
        "UPDATE account SET created_at = now()",
        "ALTER TABLE ledger DROP CONSTRAINT ledger_shape",
        "UPDATE charge_key SET user_id = gen_random_uuid()",
        "UPDATE charge_key SET idempotency_key = 'x'",
        "DROP TABLE ledger",
        "CREATE TABLE mine (a int)",
    };
    for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
        const char *refusal = support_postgres_refusal(app_url, forbidden[i]);
        ck_assert_msg(strstr(refusal, "permission denied") || strstr(refusal, "must be owner"),
                      "%s: %s", forbidden[i], refusal);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("store");
    tcase_add_unchecked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_charge_adds_and_a_repeat_answers_the_same);
    tcase_add_test(tcase, a_charge_fills_to_the_brim_and_no_further);
    tcase_add_test(tcase, a_debit_takes_what_is_there_once);
    tcase_add_test(tcase, an_id_used_with_other_content_is_refused);
    tcase_add_test(tcase, a_refund_gives_back_what_its_debit_took_once);
    tcase_add_test(tcase, a_refund_is_never_refused_for_the_limit);
    tcase_add_test(tcase, a_refund_before_its_debit_blocks_that_debit);
    tcase_add_test(tcase, history_is_paged_newest_first_and_hides_refunds_of_nothing);
    tcase_add_test(tcase, a_page_starts_at_an_entry_of_the_user_only);
    tcase_add_test(tcase, a_key_is_kept_for_24_hours_and_then_swept);
    tcase_add_test(tcase, a_charge_that_was_refused_keeps_no_key);
    tcase_add_test(tcase, parallel_charges_of_a_new_wallet_add_up);
    tcase_add_test(tcase, charging_in_parallel_with_one_key_charges_once);
    tcase_add_test(tcase, parallel_debits_take_no_more_than_there_is);
    tcase_add_test(tcase, a_debit_racing_its_refund_costs_nothing_in_the_end);
    tcase_add_test(tcase, nothing_deadlocked);
    tcase_add_test(tcase, the_schema_refuses_what_must_never_be);
    tcase_add_test(tcase, the_service_may_neither_change_nor_delete_what_was_written);

    Suite *suite = suite_create("wallet store");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
