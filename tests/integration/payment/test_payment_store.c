#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/db.h"
#include "db/migrate.h"
#include "drive.h"
#include "fake_peers.h"
#include "jobs.h"
#include "store.h"
#include "support/postgres.h"

extern const struct db_migration payment_migrations[];
extern const size_t payment_migration_count;

enum { THREADS = 16, LONG_LEASE_MS = 60000, ROUNDS_MAX = 2000 };

static struct support_postgres postgres;
static char owner_url[SUPPORT_URL_SIZE];
static char app_url[SUPPORT_URL_SIZE];
static struct db *db;
static struct db *other_db; /* another instance of the service */
static const struct uuid token = {"0190a000-0000-7000-8000-0000000000b1"};

struct scratch {
    unsigned char block[512 * 1024];
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

static void set_up_server(void)
{
    static struct scratch scratch;
    support_postgres_start(&postgres);
    support_postgres_add_service(&postgres, "payment", owner_url, app_url);
    ck_assert_int_eq(
        db_migrate(begin(&scratch), owner_url, payment_migrations, payment_migration_count), ST_OK);
    db = open_db();
    other_db = open_db();
}

static void tear_down_server(void)
{
    db_free(&db);
    db_free(&other_db);
    support_postgres_stop(&postgres);
}

static void set_up(void)
{
    fake_peers_begin();
    support_postgres_psql(owner_url, "DELETE FROM payment");
}

static enum status start(struct db *at, const struct uuid *user, const struct uuid *reservation,
                         const char *key, int64_t lease_ms, struct payment *ret_payment,
                         bool *ret_created)
{
    struct scratch scratch;
    return payment_store_start(begin(&scratch), at,
                               &(struct payment_order){.user_id = user->text,
                                                       .reservation_id = reservation->text,
                                                       .idempotency_key = key,
                                                       .token_id = token.text,
                                                       .queue = "main",
                                                       .lease_ms = lease_ms},
                               ret_payment, ret_created);
}

static struct payment_driver driver_of(struct db *at)
{
    return (struct payment_driver){
        .db = at,
        .lease_ms = LONG_LEASE_MS,
        .seat_lease_ms = LONG_LEASE_MS,
        .step_ms = 3000,
        .token_ms = 3000,
    };
}

static struct payment stored(const struct payment *payment)
{
    struct scratch scratch;
    struct payment found;
    ck_assert_int_eq(payment_store_get(begin(&scratch), db, payment->payment_id.text,
                                       payment->user_id.text, &found),
                     ST_OK);
    return found;
}

static void drive(struct db *at, struct payment *payment)
{
    struct scratch scratch;
    struct payment_driver driver = driver_of(at);
    payment_drive(begin(&scratch), &driver, payment);
}

static size_t recover(struct db *at)
{
    struct scratch scratch;
    struct payment_driver driver = driver_of(at);
    return payment_jobs_recover(begin(&scratch), &driver, 100);
}

static void expire_leases(void)
{
    support_postgres_psql(owner_url, "UPDATE payment SET lease_until = clock_timestamp()");
}

static const char *unfinished(void)
{
    return support_postgres_psql(
        owner_url, "SELECT count(*) FROM payment WHERE state NOT IN ('COMPLETED', 'FAILED')");
}

START_TEST(a_payment_is_driven_to_its_end_and_every_state_was_recorded)
{
    struct fake_seat *seat = fake_peers_add_seat();
    struct payment payment;
    bool created;
    ck_assert_int_eq(
        start(db, &seat->user_id, &seat->reservation_id, "a", LONG_LEASE_MS, &payment, &created),
        ST_OK);
    ck_assert(created);
    ck_assert_int_eq(stored(&payment).state, SAGA_CLAIMING);

    drive(db, &payment);
    struct payment end = stored(&payment);
    ck_assert_int_eq(end.state, SAGA_COMPLETED);
    ck_assert_int_eq(end.claim.amount_won, 300);
    ck_assert_str_eq(end.claim.date, "2026-12-01");
    ck_assert_str_eq(end.claim.currency, "KRW");
    ck_assert_int_eq(end.claim.seat_no, 7);
    ck_assert_int_eq(end.balance_after_won, 700);
    ck_assert_int_gt(end.paid_at_unix_ms, 0);
    ck_assert_int_eq(end.failure, ST_OK);
    ck_assert(fake_seat_is_paid(seat));
    ck_assert_uint_eq(recover(db), 0);
}
END_TEST

START_TEST(a_refused_debit_and_a_lapsed_seat_are_undone_and_told)
{
    struct fake_seat *poor = fake_peers_add_seat();
    struct fake_seat *late = fake_peers_add_seat();
    poor->poor = true;
    late->lapses = true;
    struct payment payment;
    bool created;

    ck_assert_int_eq(
        start(db, &poor->user_id, &poor->reservation_id, "a", LONG_LEASE_MS, &payment, &created),
        ST_OK);
    drive(db, &payment);
    ck_assert_int_eq(stored(&payment).state, SAGA_FAILED);
    ck_assert_int_eq(stored(&payment).failure, ST_INSUFFICIENT_BALANCE);
    ck_assert(fake_seat_is_undone(poor));
    ck_assert_int_eq(poor->seat, SEAT_HELD);

    ck_assert_int_eq(
        start(db, &late->user_id, &late->reservation_id, "a", LONG_LEASE_MS, &payment, &created),
        ST_OK);
    drive(db, &payment);
    ck_assert_int_eq(stored(&payment).failure, ST_HOLD_EXPIRED);
    ck_assert(fake_seat_is_undone(late));
    ck_assert_int_eq(late->refunds, 1);
}
END_TEST

START_TEST(a_key_finds_its_payment_and_another_key_is_refused_until_it_failed)
{
    struct fake_seat *seat = fake_peers_add_seat();
    seat->poor = true;
    struct payment first, again;
    bool created;
    ck_assert_int_eq(
        start(db, &seat->user_id, &seat->reservation_id, "a", LONG_LEASE_MS, &first, &created),
        ST_OK);
    ck_assert_int_eq(start(other_db, &seat->user_id, &seat->reservation_id, "a", LONG_LEASE_MS,
                           &again, &created),
                     ST_OK);
    ck_assert(!created);
    ck_assert_str_eq(again.payment_id.text, first.payment_id.text);
    ck_assert_int_eq(start(other_db, &seat->user_id, &seat->reservation_id, "b", LONG_LEASE_MS,
                           &again, &created),
                     ST_PAYMENT_IN_PROGRESS);

    drive(db, &first);
    seat->poor = false;
    ck_assert_int_eq(
        start(db, &seat->user_id, &seat->reservation_id, "b", LONG_LEASE_MS, &again, &created),
        ST_OK);
    ck_assert(created);
    drive(db, &again);
    ck_assert(fake_seat_is_paid(seat));
    ck_assert_int_eq(
        start(db, &seat->user_id, &seat->reservation_id, "c", LONG_LEASE_MS, &again, &created),
        ST_ALREADY_PAID);
    ck_assert_int_eq(
        start(db, &seat->user_id, &seat->reservation_id, "a", LONG_LEASE_MS, &again, &created),
        ST_OK);
    ck_assert(!created);
    ck_assert_int_eq(again.state, SAGA_FAILED);
}
END_TEST

START_TEST(a_stranger_cannot_keep_the_owner_from_paying)
{
    struct fake_seat *seat = fake_peers_add_seat();
    struct uuid stranger;
    uuid_v7(&stranger);
    struct payment theirs, mine;
    bool created;
    ck_assert_int_eq(
        start(db, &stranger, &seat->reservation_id, "a", LONG_LEASE_MS, &theirs, &created), ST_OK);
    ck_assert_int_eq(
        start(db, &seat->user_id, &seat->reservation_id, "a", LONG_LEASE_MS, &mine, &created),
        ST_OK);
    ck_assert(created);
    drive(db, &mine);
    drive(other_db, &theirs);
    ck_assert(fake_seat_is_paid(seat));
    ck_assert_int_eq(stored(&theirs).failure, ST_RESERVATION_NOT_FOUND);
}
END_TEST

START_TEST(a_payment_is_nobodys_business_while_its_lease_lasts)
{
    struct fake_seat *seat = fake_peers_add_seat();
    struct payment payment;
    bool created;
    ck_assert_int_eq(
        start(db, &seat->user_id, &seat->reservation_id, "a", LONG_LEASE_MS, &payment, &created),
        ST_OK);
    ck_assert_uint_eq(recover(other_db), 0);
    expire_leases();
    ck_assert_uint_eq(recover(other_db), 1);
    ck_assert(fake_seat_is_paid(seat));

    /* Whoever had it before finds the lease gone and changes nothing. */
    drive(db, &payment);
    ck_assert_int_eq(stored(&payment).state, SAGA_COMPLETED);
    ck_assert_int_eq(seat->debits, 1);
}
END_TEST

START_TEST(a_step_without_an_answer_is_left_to_others_after_a_pause)
{
    struct fake_seat *seat = fake_peers_add_seat();
    struct payment payment;
    bool created;
    fake_peers_silence(SAGA_EXPIRE_TOKEN);
    ck_assert_int_eq(
        start(db, &seat->user_id, &seat->reservation_id, "a", LONG_LEASE_MS, &payment, &created),
        ST_OK);
    drive(db, &payment);
    struct payment paid = stored(&payment);
    ck_assert_int_eq(paid.state, SAGA_EXPIRING_TOKEN);
    ck_assert_int_eq(paid.attempts, 1);
    ck_assert_str_eq(paid.lease_id.text, "");
    ck_assert_int_gt(paid.paid_at_unix_ms, 0);

    expire_leases();
    ck_assert_uint_eq(recover(other_db), 1);
    ck_assert_int_eq(stored(&payment).attempts, 2);

    fake_peers_silence(SAGA_NO_COMMAND);
    expire_leases();
    ck_assert_uint_eq(recover(db), 1);
    ck_assert(fake_seat_is_paid(seat));
    ck_assert_str_eq(unfinished(), "0");
}
END_TEST

START_TEST(a_driver_killed_at_any_step_is_replaced)
{
    for (int command = SAGA_CLAIM_SEAT; command <= SAGA_EXPIRE_TOKEN; command++) {
        struct fake_seat *seat = fake_peers_add_seat();
        struct payment payment;
        bool created;
        ck_assert_int_eq(start(db, &seat->user_id, &seat->reservation_id, "a", LONG_LEASE_MS,
                               &payment, &created),
                         ST_OK);
        /* A process of its own drives it up to that step and is killed there, lease in hand. */
        int ready[2];
        ck_assert_int_eq(pipe(ready), 0);
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            struct db *own = open_db();
            fake_peers_silence((enum saga_command)command);
            struct payment_driver driver = driver_of(own);
            driver.retries_max = 1000000;
            struct scratch scratch;
            struct ctx *ctx = begin(&scratch);
            /* Told before the silent step, which it will be asking for when the kill comes. */
            (void)!write(ready[1], "x", 1);
            payment_drive(ctx, &driver, &payment);
            _exit(0);
        }
        char byte;
        ck_assert_int_eq(read(ready[0], &byte, 1), 1);
        const char *const wanted[] = {
            [SAGA_CLAIM_SEAT] = "CLAIMING",
            [SAGA_DEBIT_WALLET] = "DEBITING",
            [SAGA_CONFIRM_SEAT] = "CONFIRMING",
            [SAGA_EXPIRE_TOKEN] = "EXPIRING_TOKEN",
        };
        for (int i = 0; i < ROUNDS_MAX; i++) {
            if (strcmp(saga_state_name(stored(&payment).state), wanted[command]) == 0)
                break;
            usleep(5000);
        }
        ck_assert_str_eq(saga_state_name(stored(&payment).state), wanted[command]);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(ready[0]);
        close(ready[1]);

        expire_leases();
        ck_assert_uint_eq(recover(other_db), 1);
        ck_assert_int_eq(stored(&payment).state, SAGA_COMPLETED);
    }
}
END_TEST

#ifdef BOXOFFICE_FAIL_POINTS

static void wait_for_state(const struct payment *payment, enum saga_state state)
{
    for (int i = 0; i < ROUNDS_MAX && stored(payment).state != state; i++)
        usleep(5000);
    ck_assert_int_eq(stored(payment).state, state);
}

/* Drives the payment in a process of its own that fails there; how it ended. */
static int drive_failing(const char *fail_at, struct payment *payment, enum saga_state killed_in)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        setenv("FAIL_AT", fail_at, 1);
        struct db *own = open_db();
        drive(own, payment);
        _exit(0);
    }
    if (strstr(fail_at, ":hang")) {
        wait_for_state(payment, killed_in);
        kill(child, SIGKILL);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

START_TEST(failing_at_every_step_in_every_way_ends_right)
{
    static const struct {
        enum saga_state state;
        bool poor, lapses;
    } steps[] = {
        {SAGA_CLAIMING, false, false},   {SAGA_DEBITING, false, false},
        {SAGA_CONFIRMING, false, false}, {SAGA_EXPIRING_TOKEN, false, false},
        {SAGA_REFUNDING, false, true},   {SAGA_RELEASING, true, false},
        {SAGA_RELEASING, false, true},
    };
    static const char *const moments[] = {"before", "after"};
    static const char *const modes[] = {"", ":crash", ":error", ":hang"};

    for (size_t i = 0; i < ARRAY_LEN(steps) * ARRAY_LEN(moments) * ARRAY_LEN(modes); i++) {
        size_t step = i / (ARRAY_LEN(moments) * ARRAY_LEN(modes));
        const char *mode = modes[i % ARRAY_LEN(modes)];
        char fail_at[64];
        snprintf(fail_at, sizeof(fail_at), "%s:%s%s",
                 saga_command_name(saga_command(steps[step].state)),
                 moments[i / ARRAY_LEN(modes) % ARRAY_LEN(moments)], mode);

        struct fake_seat *seat = fake_peers_add_seat();
        seat->poor = steps[step].poor;
        seat->lapses = steps[step].lapses;
        struct payment payment;
        bool created;
        ck_assert_int_eq(start(db, &seat->user_id, &seat->reservation_id, "a", LONG_LEASE_MS,
                               &payment, &created),
                         ST_OK);
        int status = drive_failing(fail_at, &payment, steps[step].state);
        if (strcmp(mode, ":error") == 0)
            ck_assert(WIFEXITED(status));
        else
            ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        ck_assert_int_eq(stored(&payment).state, steps[step].state);

        expire_leases();
        ck_assert_uint_eq(recover(other_db), 1);
        bool paid = stored(&payment).state == SAGA_COMPLETED;
        ck_assert_msg(paid == (!seat->poor && !seat->lapses), "%s", fail_at);
        ck_assert_msg(paid ? fake_seat_is_paid(seat) : fake_seat_is_undone(seat), "%s", fail_at);
        ck_assert_str_eq(unfinished(), "0");
    }
}
END_TEST

#endif

/* --- races --- */

struct racer {
    pthread_t thread;
    size_t index;
    struct fake_seat *seat;
    const char *key;
    enum status status;
    bool created;
    struct payment payment;
};

static struct db *instance(const struct racer *racer)
{
    return racer->index % 2 == 0 ? db : other_db;
}

static void *start_and_drive(void *self)
{
    struct racer *racer = self;
    racer->status = start(instance(racer), &racer->seat->user_id, &racer->seat->reservation_id,
                          racer->key, LONG_LEASE_MS, &racer->payment, &racer->created);
    if (racer->status == ST_OK && racer->created)
        drive(instance(racer), &racer->payment);
    return NULL;
}

static void *recover_until_done(void *self)
{
    struct racer *racer = self;
    for (int i = 0; i < ROUNDS_MAX; i++) {
        if (recover(instance(racer)) == 0)
            usleep(1000);
        struct scratch scratch;
        struct payment_backlog backlog;
        if (payment_store_read_backlog(begin(&scratch), db, &backlog) == ST_OK &&
            backlog.unfinished == 0)
            break;
    }
    return NULL;
}

static void race(struct racer racers[THREADS], void *(*run)(void *self))
{
    for (size_t i = 0; i < THREADS; i++) {
        racers[i].index = i;
        ck_assert_int_eq(pthread_create(&racers[i].thread, NULL, run, &racers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(racers[i].thread, NULL);
}

START_TEST(many_keys_for_one_reservation_pay_once)
{
    static const char keys[THREADS][2] = {"a", "b", "c", "d", "e", "f", "g", "h",
                                          "i", "j", "k", "l", "m", "n", "o", "p"};
    for (int round = 0; round < 10; round++) {
        struct fake_seat *seat = fake_peers_add_seat();
        struct racer racers[THREADS] = {0};
        for (size_t i = 0; i < THREADS; i++) {
            racers[i].seat = seat;
            racers[i].key = keys[i];
        }
        race(racers, start_and_drive);
        int created = 0;
        for (size_t i = 0; i < THREADS; i++) {
            created += racers[i].status == ST_OK;
            ck_assert(racers[i].status == ST_OK || racers[i].status == ST_PAYMENT_IN_PROGRESS ||
                      racers[i].status == ST_ALREADY_PAID);
        }
        ck_assert_int_eq(created, 1);
        ck_assert(fake_seat_is_paid(seat));
    }
}
END_TEST

START_TEST(one_key_in_parallel_makes_one_payment)
{
    for (int round = 0; round < 10; round++) {
        struct fake_seat *seat = fake_peers_add_seat();
        struct racer racers[THREADS] = {0};
        for (size_t i = 0; i < THREADS; i++) {
            racers[i].seat = seat;
            racers[i].key = "same";
        }
        race(racers, start_and_drive);
        int created = 0;
        for (size_t i = 0; i < THREADS; i++) {
            ck_assert_int_eq(racers[i].status, ST_OK);
            created += racers[i].created;
            ck_assert_str_eq(racers[i].payment.payment_id.text, racers[0].payment.payment_id.text);
        }
        ck_assert_int_eq(created, 1);
        ck_assert(fake_seat_is_paid(seat));
    }
}
END_TEST

START_TEST(whatever_is_lost_many_drivers_on_two_instances_end_every_payment)
{
    enum { PAYMENTS = 60 };
    struct fake_seat *seats[PAYMENTS];
    struct payment payments[PAYMENTS];
    for (size_t i = 0; i < PAYMENTS; i++) {
        bool created;
        seats[i] = fake_peers_add_seat();
        seats[i]->poor = i % 5 == 1;
        seats[i]->lapses = i % 5 == 2;
        /* A lease that is over at once, so that drivers meet on one payment as often as can be. */
        ck_assert_int_eq(start(db, &seats[i]->user_id, &seats[i]->reservation_id, "a", 0,
                               &payments[i], &created),
                         ST_OK);
    }
    fake_peers_lose(20);
    struct racer racers[THREADS] = {0};
    race(racers, recover_until_done);

    ck_assert_str_eq(unfinished(), "0");
    for (size_t i = 0; i < PAYMENTS; i++) {
        struct payment end = stored(&payments[i]);
        bool paid = end.state == SAGA_COMPLETED;
        ck_assert_int_eq(paid, !seats[i]->poor && !seats[i]->lapses);
        ck_assert(paid ? fake_seat_is_paid(seats[i]) : fake_seat_is_undone(seats[i]));
    }
    struct db_stats stats, other_stats;
    db_read_stats(db, &stats);
    db_read_stats(other_db, &other_stats);
    ck_assert_uint_eq(stats.deadlocks + other_stats.deadlocks, 0);
}
END_TEST

START_TEST(a_list_shows_a_users_payments_newest_first)
{
    struct fake_seat *first = fake_peers_add_seat();
    struct fake_seat *second = fake_peers_add_seat();
    second->user_id = first->user_id;
    struct uuid nowhere;
    uuid_v7(&nowhere);
    struct payment older, newer, vain;
    bool created;
    ck_assert_int_eq(
        start(db, &first->user_id, &first->reservation_id, "a", LONG_LEASE_MS, &older, &created),
        ST_OK);
    ck_assert_int_eq(
        start(db, &first->user_id, &second->reservation_id, "b", LONG_LEASE_MS, &newer, &created),
        ST_OK);
    ck_assert_int_eq(start(db, &first->user_id, &nowhere, "c", LONG_LEASE_MS, &vain, &created),
                     ST_OK);
    drive(db, &older);
    drive(db, &vain);
    ck_assert_int_eq(stored(&vain).state, SAGA_FAILED);

    struct scratch scratch;
    struct uuid before = {"ffffffff-ffff-ffff-ffff-ffffffffffff"};
    const struct payment *payments;
    size_t count;
    ck_assert_int_eq(payment_store_list(begin(&scratch), db, first->user_id.text, &before, 10,
                                        &payments, &count),
                     ST_OK);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(payments[0].payment_id.text, newer.payment_id.text);
    ck_assert_str_eq(payments[1].payment_id.text, older.payment_id.text);
    before = newer.payment_id;
    ck_assert_int_eq(payment_store_list(begin(&scratch), db, first->user_id.text, &before, 10,
                                        &payments, &count),
                     ST_OK);
    ck_assert_uint_eq(count, 1);

    struct payment other;
    ck_assert_int_eq(
        payment_store_get(begin(&scratch), db, older.payment_id.text, nowhere.text, &other),
        ST_PAYMENT_NOT_FOUND);
}
END_TEST

/* --- the schema is the last truth --- */

#define ID_1 "'0190a000-0000-7000-8000-000000000001'"
#define ID_2 "'0190a000-0000-7000-8000-000000000002'"
#define ROW(payment, user, reservation, key, more, values)                                         \
    "INSERT INTO payment (payment_id, user_id, reservation_id, idempotency_key, debit_id, "        \
    "token_id,"                                                                                    \
    " queue, lease_until" more ") VALUES (" payment ", " user ", " reservation ", " key ","        \
    " gen_random_uuid(), " ID_1 ", 'main', now()" values ")"
#define CLAIMED ", amount_won, currency, concert_id, date, seat_no"
#define CLAIM   ", 300, 'KRW', " ID_1 ", '2026-12-01', 7"
#define NEW_ID  "gen_random_uuid()"

START_TEST(the_schema_refuses_what_must_never_be)
{
    static const struct {
        const char *sql;
        const char *constraint;
    } table[] = {
        {ROW(NEW_ID, ID_1, ID_2, "'k'", "", ""), "payment_key_once"},
        {ROW(NEW_ID, ID_1, ID_1, "'l'", "", ""), "payment_one_per_user"},
        {ROW(NEW_ID, ID_2, ID_1, "'l'", ", state" CLAIMED, ", 'DEBITING'" CLAIM),
         "payment_one_per_reservation"},
        {ROW(NEW_ID, ID_2, ID_2, "''", "", ""), "payment_idempotency_key_check"},
        {ROW(NEW_ID, ID_2, ID_2, "repeat('k', 129)", "", ""), "payment_idempotency_key_check"},
        {ROW(NEW_ID, ID_2, ID_2, "'l'", ", state, balance_after_won" CLAIMED, ", 'PAID', 0" CLAIM),
         "payment_state_check"},
        {ROW(NEW_ID, ID_2, ID_2, "'l'", ", state", ", 'DEBITING'"), "payment_claimed_before"},
        {ROW(NEW_ID, ID_2, ID_2, "'l'", ", amount_won", ", 300"), "payment_claimed_whole"},
        {ROW(NEW_ID, ID_2, ID_2, "'l'", ", state" CLAIMED, ", 'CONFIRMING'" CLAIM),
         "payment_debited_before"},
        {ROW(NEW_ID, ID_2, ID_2, "'l'", ", state, balance_after_won" CLAIMED,
             ", 'COMPLETED', 0" CLAIM),
         "payment_paid"},
        {ROW(NEW_ID, ID_2, ID_2, "'l'", ", paid_at", ", now()"), "payment_paid"},
        {ROW(NEW_ID, ID_2, ID_2, "'l'", ", state", ", 'FAILED'"), "payment_failure"},
        {ROW(NEW_ID, ID_2, ID_2, "'l'", ", failure_code", ", 'HOLD_EXPIRED'"), "payment_failure"},
        {ROW(NEW_ID, ID_2, ID_2, "'l'", ", amount_won, currency, concert_id, date, seat_no",
             ", 0, 'KRW', " ID_1 ", '2026-12-01', 7"),
         "payment_amount_won_check"},
        {ROW(NEW_ID, ID_2, ID_2, "'l'", ", attempts", ", -1"), "payment_attempts_check"},
        {"INSERT INTO payment SELECT gen_random_uuid(), " ID_2 ", " ID_2
         ", 'l', debit_id, token_id,"
         " queue FROM payment LIMIT 1",
         "payment"},
    };

    support_postgres_psql(owner_url,
                          ROW(ID_1, ID_1, ID_1, "'k'", ", state" CLAIMED, ", 'DEBITING'" CLAIM));
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const char *refusal = support_postgres_refusal(owner_url, table[i].sql);
        ck_assert_msg(strstr(refusal, table[i].constraint) != NULL, "%s: %s", table[i].sql,
                      refusal);
    }
}
END_TEST

START_TEST(the_service_may_not_change_who_pays_for_what)
{
    static const char *const forbidden[] = {
        "UPDATE payment SET user_id = gen_random_uuid()",
        "UPDATE payment SET reservation_id = gen_random_uuid()",
        "UPDATE payment SET debit_id = gen_random_uuid()",
        "UPDATE payment SET idempotency_key = 'x'",
        "DELETE FROM payment",
        "TRUNCATE payment",
        "DROP TABLE payment",
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
    tcase_add_unchecked_fixture(tcase, set_up_server, tear_down_server);
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_payment_is_driven_to_its_end_and_every_state_was_recorded);
    tcase_add_test(tcase, a_refused_debit_and_a_lapsed_seat_are_undone_and_told);
    tcase_add_test(tcase, a_key_finds_its_payment_and_another_key_is_refused_until_it_failed);
    tcase_add_test(tcase, a_stranger_cannot_keep_the_owner_from_paying);
    tcase_add_test(tcase, a_payment_is_nobodys_business_while_its_lease_lasts);
    tcase_add_test(tcase, a_step_without_an_answer_is_left_to_others_after_a_pause);
    tcase_add_test(tcase, a_driver_killed_at_any_step_is_replaced);
#ifdef BOXOFFICE_FAIL_POINTS
    tcase_add_test(tcase, failing_at_every_step_in_every_way_ends_right);
#endif
    tcase_add_test(tcase, many_keys_for_one_reservation_pay_once);
    tcase_add_test(tcase, one_key_in_parallel_makes_one_payment);
    tcase_add_test(tcase, whatever_is_lost_many_drivers_on_two_instances_end_every_payment);
    tcase_add_test(tcase, a_list_shows_a_users_payments_newest_first);
    tcase_add_test(tcase, the_schema_refuses_what_must_never_be);
    tcase_add_test(tcase, the_service_may_not_change_who_pays_for_what);

    Suite *suite = suite_create("payment store");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
