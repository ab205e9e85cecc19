#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "fixture.h"

enum { CROWD = 2000, BLOCK = 10000 };

static struct place crowd[CROWD + 1]; /* by sequence number in their first epoch */

static void gather_crowd(int64_t capacity)
{
    struct policy policy = settings;
    policy.capacity = capacity;
    set_policy(0, &policy);
    for (int i = 1; i <= CROWD; i++)
        crowd[i] = join(i % INSTANCES, i);
    tick(0);
    tick(1);
}

/* Once without asserting: Redis may be away. */
static enum status try_join(int instance, int user)
{
    static struct actor actor;
    struct uuid user_id = user_uuid(user);
    struct uuid token_id;
    struct place place;
    bool created;
    uuid_v7(&token_id);
    return queue_store_issue(actor_begin(&actor), instances[instance].store, "main", &user_id,
                             &token_id, &place, &created);
}

static void wait_until_joined(int instance, int user)
{
    enum status status = ST_UNAVAILABLE;
    for (int64_t end_us = clock_monotonic_us() + PATIENCE_MS * 1000;
         status != ST_OK && clock_monotonic_us() < end_us;) {
        status = try_join(instance, user);
        if (status != ST_OK)
            usleep(20000);
    }
    ck_assert_int_eq(status, ST_OK);
}

/* --- numbers --- */

START_TEST(numbers_go_on_over_the_end_of_a_block)
{
    (void)join(0, 1);
    (void)support_redis_cli(&redis,
                            (const char *const[]){"HSET", "line:{main}:meta", "seq", "9999"}, 4);
    ck_assert_int_eq(join(0, 2).sequence, BLOCK);
    ck_assert_int_eq(join(1, 3).sequence, BLOCK + 1);
    ck_assert_int_eq(join(0, 4).sequence, BLOCK + 2);
    ck_assert_int_ge(ask_log("SELECT watermark FROM line"), 2 * BLOCK);
}
END_TEST

START_TEST(numbers_are_reserved_before_they_run_out)
{
    (void)join(0, 1);
    ck_assert_int_eq(ask_log("SELECT watermark FROM line"), BLOCK);
    (void)support_redis_cli(&redis,
                            (const char *const[]){"HSET", "line:{main}:meta", "seq", "5001"}, 4);
    tick(0);
    tick(1);
    ck_assert_int_ge(ask_log("SELECT watermark FROM line"), 2 * BLOCK);
}
END_TEST

/* --- Redis wiped --- */

START_TEST(after_a_wipe_no_number_is_given_twice)
{
    (void)join(0, 1);
    struct place before = join(0, 2);
    support_redis_wipe(&redis);
    struct place after = join(1, 3);
    ck_assert_int_gt(after.sequence, before.sequence);
    ck_assert_int_gt(after.sequence, BLOCK);
    ck_assert_int_eq(figures(0).epoch, 2);
    support_redis_wipe(&redis);
    ck_assert_int_gt(join(0, 4).sequence, after.sequence);
    ck_assert_int_eq(figures(0).epoch, 3);
    assert_log_is_in_order();
}
END_TEST

START_TEST(after_a_wipe_admitted_users_go_on_and_count)
{
    struct place first = join(0, 1);
    struct place second = join(0, 2);
    ck_assert_int_eq(first.status, PLACE_ACTIVE);
    support_redis_wipe(&redis);
    struct place newcomer = join(1, 3);
    ck_assert_int_eq(newcomer.status, PLACE_WAITING);
    ck_assert_int_eq(figures(1).active, 1);
    struct place restored = first;
    look(1, &restored);
    ck_assert_int_eq(restored.status, PLACE_ACTIVE);
    ck_assert_int_eq(restored.expires_at_unix_ms, first.expires_at_unix_ms);
    /* Asking again gives the same place, not a new one. */
    struct place again;
    ck_assert(!join_created(0, 1, &again));
    ck_assert_str_eq(again.token_id.text, first.token_id.text);
    ck_assert_int_eq(again.issued_at_unix_ms, first.issued_at_unix_ms);
    look(0, &second);
    ck_assert_int_eq(second.position, 1);
    ck_assert(end(0, &first, EXPIRE_PAID));
    ck_assert(wait_for_status(0, &second, PLACE_ACTIVE));
    look(0, &newcomer);
    ck_assert_int_eq(newcomer.position, 1);
    assert_log_is_in_order();
}
END_TEST

START_TEST(after_a_wipe_used_and_left_tokens_stay_ended)
{
    struct policy policy = settings;
    policy.capacity = 2;
    set_policy(0, &policy);
    struct place used = join(0, 1);
    struct place active = join(0, 2);
    struct place left = join(0, 3);
    struct place waiting = join(0, 4);
    ck_assert(end(0, &left, EXPIRE_LEFT));
    ck_assert(end(0, &used, EXPIRE_PAID));
    look(0, &waiting);
    ck_assert_int_eq(waiting.status, PLACE_ACTIVE);
    support_redis_wipe(&redis);
    look(1, &used);
    ck_assert_int_eq(used.status, PLACE_EXPIRED);
    look(1, &left);
    ck_assert_int_eq(left.status, PLACE_EXPIRED);
    ck_assert_int_eq(peek(1, &active), PLACE_ACTIVE);
    ck_assert_int_eq(peek(1, &waiting), PLACE_ACTIVE);
    ck_assert(!end(1, &used, EXPIRE_PAID));
    assert_log_is_in_order();
}
END_TEST

START_TEST(whoever_leaves_right_after_a_wipe_has_left)
{
    struct place first = join(0, 1);
    struct place second = join(0, 2);
    struct place third = join(0, 3);
    support_redis_wipe(&redis);
    /* A waiting one that never polled again, and an admitted one. */
    ck_assert(end(1, &second, EXPIRE_LEFT));
    ck_assert(!end(0, &second, EXPIRE_LEFT));
    ck_assert(end(1, &first, EXPIRE_PAID));
    look(0, &second);
    ck_assert_int_eq(second.status, PLACE_EXPIRED);
    look(0, &first);
    ck_assert_int_eq(first.status, PLACE_EXPIRED);
    ck_assert(wait_for_status(0, &third, PLACE_ACTIVE));
    assert_log_is_in_order();
}
END_TEST

START_TEST(after_a_wipe_thousands_come_back_in_their_order_and_nobody_overtakes)
{
    enum { CAPACITY = 5 };
    gather_crowd(CAPACITY);
    if (_i == 0) {
        support_redis_wipe(&redis);
    } else {
        support_redis_kill(&redis);
        support_redis_delete_data(&redis);
        support_redis_start_again(&redis);
        for (int i = 0; i < INSTANCES; i++)
            wait_until_joined(i, CROWD + 1);
    }
    struct place newcomer = join(0, CROWD + 1);
    ck_assert_int_eq(newcomer.status, PLACE_WAITING);

    /* They poll in the worst order, the last one first. */
    for (int i = CROWD; i >= 1; i--) {
        look(i % INSTANCES, &crowd[i]);
        ck_assert_int_eq(crowd[i].status, i <= CAPACITY ? PLACE_ACTIVE : PLACE_WAITING);
    }
    for (int i = CAPACITY + 1; i <= CROWD; i += 97) {
        look(0, &crowd[i]);
        ck_assert_int_eq(crowd[i].position, i - CAPACITY);
    }
    look(0, &newcomer);
    ck_assert_int_eq(newcomer.position, CROWD - CAPACITY + 1);

    /* And they are served in it. */
    for (int i = 1; i <= 200; i++) {
        ck_assert(wait_for_status(0, &crowd[i], PLACE_ACTIVE));
        ck_assert(end(i % INSTANCES, &crowd[i], EXPIRE_PAID));
    }
    ck_assert_int_eq(ask_log("SELECT max(sequence) FROM line_event WHERE event = 'ADMITTED'"),
                     200 + CAPACITY);
    assert_log_is_in_order();
}
END_TEST

START_TEST(after_a_wipe_those_who_waited_come_before_newcomers_who_are_faster)
{
    struct policy policy = settings;
    policy.capacity = 2;
    set_policy(0, &policy);
    struct place first = join(0, 1);
    struct place second = join(0, 2);
    struct place third = join(0, 3);
    tick(0);
    ck_assert(end(0, &first, EXPIRE_PAID));
    look(0, &third);
    ck_assert_int_eq(third.status, PLACE_ACTIVE);
    struct place fourth = join(0, 4);
    tick(0);
    ck_assert(end(0, &second, EXPIRE_PAID));
    look(0, &fourth);
    struct place fifth = join(0, 5);
    tick(0);
    support_redis_wipe(&redis);
    /* One is free by now, but whoever waited is not back yet. */
    ck_assert(end(1, &third, EXPIRE_PAID));
    struct place newcomer = join(1, 6);
    ck_assert_int_eq(newcomer.status, PLACE_WAITING);
    ck_assert(wait_for_status(0, &fifth, PLACE_ACTIVE));
    look(0, &newcomer);
    ck_assert_int_eq(newcomer.status, PLACE_WAITING);
    assert_log_is_in_order();
}
END_TEST

START_TEST(a_policy_survives_a_wipe)
{
    struct policy policy = settings;
    policy.kind = POLICY_BOTH;
    policy.capacity = 4;
    policy.admit_batch = 9;
    policy.paused = true;
    set_policy(0, &policy);
    support_redis_wipe(&redis);
    struct line_figures now = figures(1);
    ck_assert_int_eq(now.epoch, 2);
    ck_assert_int_eq(now.policy.kind, POLICY_BOTH);
    ck_assert_int_eq(now.policy.capacity, 4);
    ck_assert_int_eq(now.policy.admit_batch, 9);
    ck_assert(now.policy.paused);
}
END_TEST

/* --- Redis away --- */

START_TEST(while_redis_is_away_joins_are_refused_and_afterwards_the_line_goes_on)
{
    struct place first = join(0, 1);
    struct place second = join(0, 2);
    support_redis_kill(&redis);
    ck_assert_int_eq(try_join(0, 3), ST_UNAVAILABLE);
    ck_assert_int_eq(try_join(1, 3), ST_UNAVAILABLE);
    support_redis_start_again(&redis);
    for (int i = 0; i < INSTANCES; i++)
        wait_until_joined(i, 3);
    look(1, &second);
    ck_assert_int_eq(second.position, 1);
    ck_assert_int_eq(peek(0, &first), PLACE_ACTIVE);
    ck_assert_int_eq(figures(0).epoch, 1);
    ck_assert_int_eq(join(1, 4).sequence, 4);
}
END_TEST

START_TEST(a_killed_redis_whose_data_is_deleted_comes_back_with_the_line_in_order)
{
    struct place first = join(0, 1);
    struct place second = join(0, 2);
    struct place third = join(1, 3);
    tick(0);
    support_redis_kill(&redis);
    support_redis_delete_data(&redis);
    support_redis_start_again(&redis);
    for (int i = 0; i < INSTANCES; i++)
        wait_until_joined(i, 4);
    ck_assert_int_eq(figures(0).epoch, 2);
    look(0, &third);
    look(0, &second);
    look(0, &first);
    ck_assert_int_eq(first.status, PLACE_ACTIVE);
    ck_assert_int_eq(second.position, 1);
    look(0, &third);
    ck_assert_int_eq(third.position, 2);
    ck_assert(end(0, &first, EXPIRE_PAID));
    ck_assert(wait_for_status(1, &second, PLACE_ACTIVE));
    assert_log_is_in_order();
}
END_TEST

/* --- PostgreSQL away --- */

START_TEST(nobody_is_told_of_an_admission_that_is_not_in_the_log)
{
    struct actor actor = {0};
    struct place first = join(0, 1);
    struct place second = join(0, 2);
    bool expired;
    support_postgres_kill(&postgres);
    /* Waiting needs Redis alone. */
    struct place third = join(0, 3);
    ck_assert_int_eq(third.position, 2);
    ck_assert_int_eq(peek(0, &first), PLACE_ACTIVE);
    enum status status = queue_store_expire(actor_begin(&actor), instances[0].store, "main",
                                            &first.user_id, &first.token_id, EXPIRE_PAID, &expired);
    ck_assert(status == ST_UNAVAILABLE || status == ST_TIMEOUT);
    struct place copy = second;
    struct place *one = &copy;
    status = queue_store_look(actor_begin(&actor), instances[1].store, "main", &one, 1, true);
    ck_assert(status == ST_UNAVAILABLE || status == ST_TIMEOUT);

    support_postgres_start_again(&postgres);
    status = ST_UNAVAILABLE;
    for (int64_t end_us = clock_monotonic_us() + PATIENCE_MS * 1000;
         status != ST_OK && clock_monotonic_us() < end_us;) {
        status = queue_store_look(actor_begin(&actor), instances[1].store, "main", &one, 1, true);
        if (status != ST_OK)
            usleep(20000);
    }
    ck_assert_int_eq(status, ST_OK);
    ck_assert_int_eq(copy.status, PLACE_ACTIVE);
    actor_done(&actor);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("losses of the line");
    TCase *loss = tcase_create("loss");
    tcase_set_timeout(loss, 60);
    tcase_add_unchecked_fixture(loss, fixture_start, fixture_stop);
    tcase_add_checked_fixture(loss, fixture_set_up, fixture_tear_down);
    tcase_add_test(loss, numbers_go_on_over_the_end_of_a_block);
    tcase_add_test(loss, numbers_are_reserved_before_they_run_out);
    tcase_add_test(loss, after_a_wipe_no_number_is_given_twice);
    tcase_add_test(loss, after_a_wipe_admitted_users_go_on_and_count);
    tcase_add_test(loss, after_a_wipe_used_and_left_tokens_stay_ended);
    tcase_add_test(loss, whoever_leaves_right_after_a_wipe_has_left);
    /* By FLUSHALL, and by deleting the data of a killed Redis. */
    tcase_add_loop_test(loss, after_a_wipe_thousands_come_back_in_their_order_and_nobody_overtakes,
                        0, 2);
    tcase_add_test(loss, after_a_wipe_those_who_waited_come_before_newcomers_who_are_faster);
    tcase_add_test(loss, a_policy_survives_a_wipe);
    tcase_add_test(loss, while_redis_is_away_joins_are_refused_and_afterwards_the_line_goes_on);
    tcase_add_test(loss, a_killed_redis_whose_data_is_deleted_comes_back_with_the_line_in_order);
    tcase_add_test(loss, nobody_is_told_of_an_admission_that_is_not_in_the_log);
    suite_add_tcase(suite, loss);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
