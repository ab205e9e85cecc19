/* Drivers that die, fall silent, meet on one payment: every payment ends, once. */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_peers.h"
#include "payment_fixture.h"

enum { THREADS = 16, ROUNDS_MAX = 2000 };

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
        {SAGA_REFUNDING, false, true},   {SAGA_REFUNDING, true, false},
        {SAGA_RELEASING, true, false},   {SAGA_RELEASING, false, true},
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
            backlog.unfinished + backlog.tokens == 0)
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

int main(void)
{
    const TTest *const tests[] = {
        a_payment_is_nobodys_business_while_its_lease_lasts,
        a_step_without_an_answer_is_left_to_others_after_a_pause,
        a_driver_killed_at_any_step_is_replaced,
#ifdef BOXOFFICE_FAIL_POINTS
        failing_at_every_step_in_every_way_ends_right,
#endif
        many_keys_for_one_reservation_pay_once,
        one_key_in_parallel_makes_one_payment,
        whatever_is_lost_many_drivers_on_two_instances_end_every_payment,
    };
    return run_tests("payment recovery", tests, ARRAY_LEN(tests));
}
