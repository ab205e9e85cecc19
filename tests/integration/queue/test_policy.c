#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"

/* --- policies --- */

START_TEST(a_gate_lets_so_many_in_an_interval_whoever_asks)
{
    struct policy policy = settings;
    policy.kind = POLICY_GATE;
    policy.admit_batch = 3;
    policy.admit_interval_ms = POLICY_INTERVAL_MS_MAX;
    set_policy(0, &policy);
    for (int i = 1; i <= 10; i++) {
        ck_assert_int_eq(join(i % INSTANCES, i).status, i <= 3 ? PLACE_ACTIVE : PLACE_WAITING);
        tick(0);
        tick(1);
    }
    /* Leaving makes no room: the gate opens by time alone. */
    struct place first = join(0, 1);
    ck_assert(end(0, &first, EXPIRE_LEFT));
    ck_assert_int_eq(figures(0).active, 2);
    ck_assert_int_eq(figures(0).waiting, 7);
}
END_TEST

START_TEST(a_gate_opens_again_and_again)
{
    struct policy policy = settings;
    policy.kind = POLICY_GATE;
    policy.admit_batch = 2;
    policy.admit_interval_ms = 50;
    set_policy(0, &policy);
    struct place last = {0};
    for (int i = 1; i <= 9; i++)
        last = join(0, i);
    ck_assert(wait_for_status(1, &last, PLACE_ACTIVE));
    ck_assert_int_eq(figures(0).active, 9);
    assert_log_is_in_order();
}
END_TEST

START_TEST(both_limits_hold_together)
{
    struct policy policy = settings;
    policy.kind = POLICY_BOTH;
    policy.capacity = 2;
    policy.admit_batch = 3;
    policy.admit_interval_ms = POLICY_INTERVAL_MS_MAX;
    set_policy(0, &policy);
    struct place places[6];
    for (int i = 0; i < 6; i++)
        places[i] = join(0, i + 1);
    ck_assert_int_eq(figures(0).active, 2);
    ck_assert(end(0, &places[0], EXPIRE_LEFT));
    ck_assert_int_eq(figures(0).active, 2);
    ck_assert(end(0, &places[1], EXPIRE_LEFT));
    /* Three have entered in this interval. */
    ck_assert_int_eq(figures(0).active, 1);
    ck_assert_int_eq(figures(0).waiting, 3);
    assert_log_is_in_order();
}
END_TEST

START_TEST(a_paused_line_admits_nobody_and_goes_on_in_order)
{
    struct policy policy = settings;
    policy.capacity = 2;
    policy.paused = true;
    set_policy(0, &policy);
    struct place first = join(0, 1);
    struct place second = join(1, 2);
    struct place third = join(0, 3);
    ck_assert_int_eq(figures(1).active, 0);
    ck_assert_int_eq(third.position, 3);
    policy.paused = false;
    set_policy(1, &policy);
    look(0, &first);
    look(0, &second);
    look(0, &third);
    ck_assert_int_eq(first.status, PLACE_ACTIVE);
    ck_assert_int_eq(second.status, PLACE_ACTIVE);
    ck_assert_int_eq(third.position, 1);
}
END_TEST

START_TEST(a_policy_switch_keeps_order_and_actives)
{
    struct policy policy = settings;
    struct place first = join(0, 1);
    struct place second = join(0, 2);
    struct place third = join(0, 3);
    policy.kind = POLICY_GATE;
    policy.admit_batch = 1;
    policy.admit_interval_ms = POLICY_INTERVAL_MS_MAX;
    set_policy(1, &policy);
    look(0, &first);
    look(0, &second);
    look(0, &third);
    ck_assert_int_eq(first.status, PLACE_ACTIVE);
    ck_assert_int_eq(second.status, PLACE_ACTIVE);
    ck_assert_int_eq(third.status, PLACE_WAITING);
    /* Below what is active: nobody is thrown out, and nobody enters. */
    policy = settings;
    set_policy(0, &policy);
    ck_assert_int_eq(figures(0).active, 2);
    ck_assert(end(0, &first, EXPIRE_PAID));
    ck_assert_int_eq(peek(0, &third), PLACE_WAITING);
    ck_assert(end(0, &second, EXPIRE_PAID));
    ck_assert_int_eq(peek(0, &third), PLACE_ACTIVE);
    assert_log_is_in_order();
}
END_TEST

START_TEST(an_operators_policy_wins_over_the_settings_of_a_new_instance)
{
    struct policy policy = settings;
    policy.capacity = 5;
    policy.absent_ms = 12345;
    set_policy(0, &policy);
    instance_stop(&instances[1]);
    settings.capacity = 7;
    instance_start(&instances[1]);
    tick(1);
    ck_assert_int_eq(figures(1).policy.capacity, 5);
    ck_assert_int_eq(figures(1).policy.absent_ms, 12345);
}
END_TEST

START_TEST(new_settings_are_in_force_when_nobody_has_set_a_policy)
{
    (void)join(0, 1);
    ck_assert_int_eq(figures(0).policy.capacity, 1);
    instance_stop(&instances[1]);
    settings.capacity = 7;
    instance_start(&instances[1]);
    tick(1);
    ck_assert_int_eq(figures(0).policy.capacity, 7);
}
END_TEST

/* --- many at once, and an instance that starts --- */

START_TEST(many_places_are_looked_at_in_one_round_trip)
{
    static struct place places[LOOK_MAX];
    struct place *pointers[LOOK_MAX];
    struct actor actor = {0};
    struct policy policy = settings;
    policy.capacity = 100;
    set_policy(0, &policy);
    for (int i = 0; i < LOOK_MAX; i++) {
        places[i] = join(0, i + 1);
        pointers[i] = &places[i];
    }
    places[7].sequence = 9999; /* never given */
    ck_assert(uuid_parse("0190a6b2-0000-7000-8000-00000000ffff", &places[7].token_id));
    ck_assert(end(0, &places[3], EXPIRE_LEFT));
    ck_assert_int_eq(queue_store_look(actor_begin(&actor), instances[1].store, "main", pointers,
                                      LOOK_MAX, false),
                     ST_OK);
    ck_assert_int_eq(places[0].status, PLACE_ACTIVE);
    ck_assert_int_gt(places[0].expires_at_unix_ms, places[0].issued_at_unix_ms);
    ck_assert_int_eq(places[3].status, PLACE_EXPIRED);
    ck_assert_int_eq(places[7].status, PLACE_UNKNOWN);
    ck_assert_int_eq(places[100].status, PLACE_ACTIVE); /* the freed place */
    ck_assert_int_eq(places[101].status, PLACE_WAITING);
    ck_assert_int_eq(places[101].position, 1);
    ck_assert_int_eq(places[LOOK_MAX - 1].position, LOOK_MAX - 101);
    actor_done(&actor);
}
END_TEST

START_TEST(an_instance_that_starts_leaves_the_line_alone)
{
    struct instance third = {0};
    struct actor actor = {0};
    (void)join(0, 1);
    struct place second = join(0, 2);
    instance_start(&third);
    queue_store_tick(actor_begin(&actor), third.store);
    instance_stop(&third);
    actor_done(&actor);
    look(0, &second);
    ck_assert_int_eq(second.position, 1);
    ck_assert_int_eq(figures(0).epoch, 1);
    ck_assert_int_eq(figures(0).active, 1);
}
END_TEST

START_TEST(figures_tell_how_the_line_is)
{
    struct place first = join(0, 1);
    (void)join(0, 2);
    (void)join(0, 3);
    ck_assert(end(0, &first, EXPIRE_LEFT));
    usleep(20000);
    struct line_figures now = figures(1);
    ck_assert_int_eq(now.waiting, 1);
    ck_assert_int_eq(now.active, 1);
    ck_assert_int_eq(now.admitted_total, 2);
    ck_assert_int_eq(now.last_sequence, 3);
    ck_assert_int_eq(now.epoch, 1);
    ck_assert_int_ge(now.oldest_wait_ms, 20);
    ck_assert_int_gt(now.admission_rate_milli, 0);
    /* Only one of the two had to wait. */
    ck_assert_int_lt(now.advance_rate_milli, now.admission_rate_milli);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policies of the line");
    TCase *policy = tcase_create("policy");
    tcase_set_timeout(policy, 60);
    tcase_add_unchecked_fixture(policy, fixture_start, fixture_stop);
    tcase_add_checked_fixture(policy, fixture_set_up, fixture_tear_down);
    tcase_add_test(policy, a_gate_lets_so_many_in_an_interval_whoever_asks);
    tcase_add_test(policy, a_gate_opens_again_and_again);
    tcase_add_test(policy, both_limits_hold_together);
    tcase_add_test(policy, a_paused_line_admits_nobody_and_goes_on_in_order);
    tcase_add_test(policy, a_policy_switch_keeps_order_and_actives);
    tcase_add_test(policy, an_operators_policy_wins_over_the_settings_of_a_new_instance);
    tcase_add_test(policy, new_settings_are_in_force_when_nobody_has_set_a_policy);
    tcase_add_test(policy, many_places_are_looked_at_in_one_round_trip);
    tcase_add_test(policy, an_instance_that_starts_leaves_the_line_alone);
    tcase_add_test(policy, figures_tell_how_the_line_is);
    suite_add_tcase(suite, policy);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
