#include <check.h>
#include <stdio.h>
#include <string.h>

#include "fake_peers.h"
#include "payment_fixture.h"

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

static void age_keys(const char *age)
{
    char sql[160];
    snprintf(sql, sizeof(sql),
             "UPDATE payment_key SET created_at = clock_timestamp() - interval '%s'", age);
    support_postgres_psql(owner_url, sql);
}

static int64_t sweep(void)
{
    struct scratch scratch;
    int64_t count;
    ck_assert_int_eq(payment_store_sweep_keys(begin(&scratch), db, 100, &count), ST_OK);
    return count;
}

START_TEST(a_key_is_kept_for_24_hours_and_then_swept)
{
    struct fake_seat *seat = fake_peers_add_seat();
    struct fake_seat *next = fake_peers_add_seat();
    struct payment first, again;
    bool created;
    ck_assert_int_eq(
        start(db, &seat->user_id, &seat->reservation_id, "a", LONG_LEASE_MS, &first, &created),
        ST_OK);
    drive(db, &first);

    age_keys("23:59:50");
    ck_assert_int_eq(sweep(), 0);
    ck_assert_int_eq(
        start(db, &seat->user_id, &next->reservation_id, "a", LONG_LEASE_MS, &again, &created),
        ST_OK);
    ck_assert(!created);
    ck_assert_str_eq(again.payment_id.text, first.payment_id.text);

    /* Past its time a key is new, swept or not; that the seat is paid has nothing to do with it. */
    for (int swept = 0; swept <= 1; swept++) {
        age_keys("24:00:00");
        if (swept)
            ck_assert_int_eq(sweep(), 1);
        ck_assert_int_eq(sweep(), swept ? 0 : 1);
        ck_assert_int_eq(start(other_db, &seat->user_id, &seat->reservation_id, "a", LONG_LEASE_MS,
                               &again, &created),
                         ST_ALREADY_PAID);
        ck_assert_int_eq(start(other_db, &seat->user_id, &next->reservation_id, "a", LONG_LEASE_MS,
                               &again, &created),
                         ST_OK);
        ck_assert(created);
        support_postgres_psql(owner_url, "DELETE FROM payment_key; UPDATE payment SET state ="
                                         " 'FAILED', failure_code = 'HOLD_EXPIRED'"
                                         " WHERE state = 'CLAIMING';"
                                         "INSERT INTO payment_key SELECT user_id, idempotency_key,"
                                         " payment_id, created_at FROM payment"
                                         " WHERE state = 'COMPLETED'");
    }
    age_keys("24:00:00");
    ck_assert_int_eq(
        start(db, &seat->user_id, &next->reservation_id, "a", LONG_LEASE_MS, &again, &created),
        ST_OK);
    ck_assert(created);
    ck_assert_int_eq(
        start(db, &seat->user_id, &next->reservation_id, "a", LONG_LEASE_MS, &first, &created),
        ST_OK);
    ck_assert(!created);
    ck_assert_str_eq(first.payment_id.text, again.payment_id.text);
}
END_TEST

START_TEST(a_key_outlives_its_time_while_its_payment_runs)
{
    struct fake_seat *seat = fake_peers_add_seat();
    struct payment first, again;
    bool created;
    ck_assert_int_eq(
        start(db, &seat->user_id, &seat->reservation_id, "a", LONG_LEASE_MS, &first, &created),
        ST_OK);
    age_keys("48:00:00");
    ck_assert_int_eq(sweep(), 0);
    ck_assert_int_eq(
        start(db, &seat->user_id, &seat->reservation_id, "a", LONG_LEASE_MS, &again, &created),
        ST_OK);
    ck_assert(!created);
    drive(db, &first);
    ck_assert_int_eq(sweep(), 1);
}
END_TEST

START_TEST(tokens_never_stand_in_the_way_of_money)
{
    struct fake_seat *paid = fake_peers_add_seat();
    struct fake_seat *other = fake_peers_add_seat();
    struct payment first, second, taken;
    bool created, found;
    fake_peers_silence(SAGA_EXPIRE_TOKEN);
    ck_assert_int_eq(
        start(db, &paid->user_id, &paid->reservation_id, "a", LONG_LEASE_MS, &first, &created),
        ST_OK);
    drive(db, &first);
    ck_assert_int_eq(
        start(db, &other->user_id, &other->reservation_id, "a", LONG_LEASE_MS, &second, &created),
        ST_OK);
    expire_leases();

    struct scratch scratch;
    struct payment_backlog backlog;
    ck_assert_int_eq(payment_store_read_backlog(begin(&scratch), db, &backlog), ST_OK);
    ck_assert_int_eq(backlog.unfinished, 1);
    ck_assert_int_eq(backlog.tokens, 1);
    ck_assert_int_eq(payment_store_take_over(begin(&scratch), db, PAYMENT_WORK_SETTLE,
                                             LONG_LEASE_MS, &taken, &found),
                     ST_OK);
    ck_assert(found);
    ck_assert_str_eq(taken.payment_id.text, second.payment_id.text);
    ck_assert_int_eq(payment_store_take_over(begin(&scratch), db, PAYMENT_WORK_TOKENS,
                                             LONG_LEASE_MS, &taken, &found),
                     ST_OK);
    ck_assert(found);
    ck_assert_str_eq(taken.payment_id.text, first.payment_id.text);
    for (int work = PAYMENT_WORK_SETTLE; work <= PAYMENT_WORK_TOKENS; work++) {
        ck_assert_int_eq(payment_store_take_over(begin(&scratch), db, (enum payment_work)work,
                                                 LONG_LEASE_MS, &taken, &found),
                         ST_OK);
        ck_assert(!found);
    }
}
END_TEST

START_TEST(payments_are_counted_by_state_in_the_sagas_order)
{
    struct payment paid, claiming;
    bool created;
    struct fake_seat *seat = fake_peers_add_seat(), *other = fake_peers_add_seat();
    ck_assert_int_eq(
        start(db, &seat->user_id, &seat->reservation_id, "a", LONG_LEASE_MS, &paid, &created),
        ST_OK);
    drive(db, &paid);
    ck_assert_int_eq(
        start(db, &other->user_id, &other->reservation_id, "a", LONG_LEASE_MS, &claiming, &created),
        ST_OK);

    struct scratch scratch;
    struct payment_count counts[SAGA_STATE_COUNT];
    size_t count;
    ck_assert_int_eq(payment_store_count(begin(&scratch), db, counts, &count), ST_OK);
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(counts[0].state, SAGA_CLAIMING);
    ck_assert_int_eq(counts[0].count, 1);
    ck_assert_int_eq(counts[0].amount_won, 0); /* not known yet */
    ck_assert_int_eq(counts[1].state, SAGA_COMPLETED);
    ck_assert_int_eq(counts[1].count, 1);
    ck_assert_int_eq(counts[1].amount_won, paid.claim.amount_won);
}
END_TEST

START_TEST(recording_a_state_twice_is_recording_it_once)
{
    struct fake_seat *seat = fake_peers_add_seat();
    struct payment payment, next;
    bool created;
    struct scratch scratch;
    ck_assert_int_eq(
        start(db, &seat->user_id, &seat->reservation_id, "a", LONG_LEASE_MS, &payment, &created),
        ST_OK);
    for (int i = 0; i < 2; i++) {
        next = payment;
        next.state = SAGA_FAILED;
        next.failure = ST_HOLD_EXPIRED;
        ck_assert_int_eq(
            payment_store_record(begin(&scratch), db, &next, SAGA_CLAIMING, LONG_LEASE_MS), ST_OK);
        ck_assert_int_eq(next.state, SAGA_FAILED);
    }
    /* But nothing leads back, and nobody else's lease will do. */
    next = payment;
    next.state = SAGA_DEBITING;
    ck_assert_int_eq(payment_store_record(begin(&scratch), db, &next, SAGA_CLAIMING, LONG_LEASE_MS),
                     ST_CONFLICT);
    next = stored(&payment);
    uuid_v4(&next.lease_id);
    ck_assert_int_eq(payment_store_record(begin(&scratch), db, &next, SAGA_CLAIMING, LONG_LEASE_MS),
                     ST_CONFLICT);
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
#define KEY(user, key, payment)                                                                    \
    "INSERT INTO payment_key VALUES (" user ", " key ", " payment ", now())"
#define NEW_ID "gen_random_uuid()"

START_TEST(the_schema_refuses_what_must_never_be)
{
    static const struct {
        const char *sql;
        const char *constraint;
    } table[] = {
        {KEY(ID_1, "'k'", ID_1), "payment_key_pkey"},
        {KEY(ID_2, "'k'", ID_1), "payment_key_payment_id_key"},
        {KEY(ID_2, "'k'", ID_2), "payment_key_payment_id_fkey"},
        {KEY(ID_2, "''", ID_1), "payment_key_idempotency_key_check"},
        {KEY(ID_2, "repeat('k', 129)", ID_1), "payment_key_idempotency_key_check"},
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

    support_postgres_psql(owner_url, ROW(ID_1, ID_1, ID_1, "'k'", ", state" CLAIMED,
                                         ", 'DEBITING'" CLAIM) ";" KEY(ID_1, "'k'", ID_1));
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
        "UPDATE payment_key SET idempotency_key = 'x'",
        "UPDATE payment_key SET user_id = gen_random_uuid()",
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
    const TTest *const tests[] = {
        a_payment_is_driven_to_its_end_and_every_state_was_recorded,
        a_refused_debit_and_a_lapsed_seat_are_undone_and_told,
        a_key_finds_its_payment_and_another_key_is_refused_until_it_failed,
        a_key_is_kept_for_24_hours_and_then_swept,
        a_key_outlives_its_time_while_its_payment_runs,
        tokens_never_stand_in_the_way_of_money,
        payments_are_counted_by_state_in_the_sagas_order,
        recording_a_state_twice_is_recording_it_once,
        a_stranger_cannot_keep_the_owner_from_paying,
        a_list_shows_a_users_payments_newest_first,
        the_schema_refuses_what_must_never_be,
        the_service_may_not_change_who_pays_for_what,
    };
    return run_tests("payment store", tests, ARRAY_LEN(tests));
}
