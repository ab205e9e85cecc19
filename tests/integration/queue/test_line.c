#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

/* --- one user, one place; strict order --- */

START_TEST(places_are_numbered_in_the_order_of_asking_whichever_instance_was_asked)
{
    for (int i = 1; i <= 10; i++) {
        struct place place = join(i % INSTANCES, i);
        ck_assert_int_eq(place.sequence, i);
        ck_assert_int_eq(place.status, i == 1 ? PLACE_ACTIVE : PLACE_WAITING);
        ck_assert_int_eq(place.position, i - 1);
    }
}
END_TEST

START_TEST(asking_again_keeps_the_place_on_any_instance)
{
    struct place again;
    (void)join(0, 1);
    struct place second = join(0, 2);
    (void)join(0, 3);
    for (int i = 0; i < 4; i++) {
        ck_assert(!join_created(i % INSTANCES, 2, &again));
        ck_assert_int_eq(again.sequence, second.sequence);
        ck_assert_str_eq(again.token_id.text, second.token_id.text);
        ck_assert_int_eq(again.issued_at_unix_ms, second.issued_at_unix_ms);
        ck_assert_int_eq(again.position, 1);
    }
    /* Inside too. */
    ck_assert(!join_created(1, 1, &again));
    ck_assert_int_eq(again.status, PLACE_ACTIVE);
    ck_assert_int_eq(figures(0).waiting, 2);
    ck_assert_int_eq(figures(0).last_sequence, 3);
}
END_TEST

START_TEST(queues_are_apart)
{
    struct actor actor = {0};
    struct uuid user = user_uuid(1);
    struct uuid token;
    struct place place;
    bool created;
    (void)join(0, 9);
    uuid_v7(&token);
    ck_assert_int_eq(queue_store_issue(actor_begin(&actor), instances[0].store, "vip", &user,
                                       &token, &place, &created),
                     ST_OK);
    ck_assert(created);
    ck_assert_int_eq(place.sequence, 1);
    ck_assert_int_eq(place.status, PLACE_ACTIVE);
    ck_assert_str_eq(place.queue, "vip");
    ck_assert_int_eq(join(0, 1).status, PLACE_WAITING);
    actor_done(&actor);
}
END_TEST

enum { JOINERS = 300, THREADS = 16 };

static atomic_int next_user;
static struct place joined[JOINERS + 1];
static atomic_int failures;

static void *join_some(void *self)
{
    struct actor actor = {0};
    int instance = *(const int *)self;
    for (int user = atomic_fetch_add(&next_user, 1); user <= JOINERS;
         user = atomic_fetch_add(&next_user, 1)) {
        struct uuid user_id = user_uuid(user);
        struct uuid token_id;
        bool created = false;
        uuid_v7(&token_id);
        if (queue_store_issue(actor_begin(&actor), instances[instance].store, "main", &user_id,
                              &token_id, &joined[user], &created) != ST_OK ||
            !created)
            atomic_fetch_add(&failures, 1);
    }
    actor_done(&actor);
    return NULL;
}

static void run_threads(void *(*run)(void *))
{
    static int numbers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i % INSTANCES;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

START_TEST(three_hundred_parallel_joins_are_admitted_in_their_order)
{
    static int user_of[JOINERS + 1];
    atomic_store(&next_user, 1);
    atomic_store(&failures, 0);
    memset(user_of, 0, sizeof user_of);
    run_threads(join_some);
    ck_assert_int_eq(atomic_load(&failures), 0);
    for (int user = 1; user <= JOINERS; user++) {
        ck_assert_int_ge(joined[user].sequence, 1);
        ck_assert_int_le(joined[user].sequence, JOINERS);
        ck_assert_int_eq(user_of[joined[user].sequence], 0);
        user_of[joined[user].sequence] = user;
    }
    for (int sequence = 1; sequence <= JOINERS; sequence++) {
        struct place *place = &joined[user_of[sequence]];
        look(sequence % INSTANCES, place);
        ck_assert_int_eq(place->status, PLACE_ACTIVE);
        ck_assert(end(sequence % INSTANCES, place, EXPIRE_PAID));
    }
    ck_assert_int_eq(ask_log("SELECT count(*) FROM line_event WHERE event = 'ADMITTED'"), JOINERS);
    assert_log_is_in_order();
}
END_TEST

/* --- ending --- */

START_TEST(a_place_that_ends_lets_the_next_one_in_at_once)
{
    struct place first = join(0, 1);
    struct place second = join(1, 2);
    struct place third = join(0, 3);
    ck_assert(end(0, &first, EXPIRE_PAID));
    look(1, &second);
    look(1, &third);
    ck_assert_int_eq(second.status, PLACE_ACTIVE);
    ck_assert_int_eq(third.status, PLACE_WAITING);
    ck_assert_int_eq(third.position, 1);
    assert_log_is_in_order();
}
END_TEST

START_TEST(an_ended_token_stays_ended_and_ending_it_again_changes_nothing)
{
    struct place first = join(0, 1);
    struct place second = join(0, 2);
    ck_assert(end(0, &first, EXPIRE_PAID));
    ck_assert(!end(0, &first, EXPIRE_PAID));
    ck_assert(!end(1, &first, EXPIRE_LEFT));
    look(0, &first);
    ck_assert_int_eq(first.status, PLACE_EXPIRED);
    look(0, &second);
    ck_assert_int_eq(second.status, PLACE_ACTIVE);
    /* Joining again makes a new place at the end; the old token stays ended. */
    struct place again = join(0, 1);
    ck_assert_int_eq(again.sequence, 3);
    ck_assert_int_eq(again.status, PLACE_WAITING);
    ck_assert_int_eq(peek(0, &first), PLACE_EXPIRED);
    ck_assert(!end(0, &first, EXPIRE_LEFT));
    ck_assert_int_eq(peek(0, &again), PLACE_WAITING);
}
END_TEST

START_TEST(whoever_leaves_the_line_moves_the_others_up)
{
    (void)join(0, 1);
    struct place second = join(0, 2);
    struct place third = join(0, 3);
    ck_assert_int_eq(third.position, 2);
    ck_assert(end(1, &second, EXPIRE_LEFT));
    look(0, &third);
    ck_assert_int_eq(third.position, 1);
    ck_assert_int_eq(peek(0, &second), PLACE_EXPIRED);
}
END_TEST

START_TEST(an_admitted_user_who_went_away_frees_the_place_at_its_time)
{
    struct policy policy = settings;
    policy.active_ttl_ms = 200;
    set_policy(0, &policy);
    struct place first = join(0, 1);
    struct place second = join(0, 2);
    ck_assert_int_eq(first.status, PLACE_ACTIVE);
    ck_assert(wait_for_status(1, &second, PLACE_ACTIVE));
    ck_assert_int_eq(peek(0, &first), PLACE_EXPIRED);
    ck_assert_int_ge(second.expires_at_unix_ms, first.expires_at_unix_ms);
    assert_log_is_in_order();
}
END_TEST

START_TEST(nobody_needs_to_ask_for_the_line_to_move)
{
    struct policy policy = settings;
    policy.active_ttl_ms = 100;
    set_policy(0, &policy);
    (void)join(0, 1);
    (void)join(0, 2);
    int64_t admitted = 0;
    for (int i = 0; i < 2000 && admitted < 2; i++) {
        tick(1);
        admitted = figures(1).admitted_total;
        usleep(10000);
    }
    ck_assert_int_eq(admitted, 2);
}
END_TEST

START_TEST(a_number_that_was_never_given_is_unknown)
{
    struct place place = join(0, 1);
    struct place forged = place;
    forged.user_id = user_uuid(2);
    forged.sequence = 2;
    look(0, &forged);
    ck_assert_int_eq(forged.status, PLACE_UNKNOWN);
    /* Another user's token of a number that was given is nobody's place either. */
    forged.sequence = 1;
    look(0, &forged);
    ck_assert_int_eq(forged.status, PLACE_EXPIRED);
}
END_TEST

/* --- never more than the capacity --- */

enum { ROUNDS = 150, CAPACITY = 3 };

static void *hammer(void *self)
{
    struct actor actor = {0};
    int instance = *(const int *)self;
    struct queue_store *store = instances[instance].store;
    int user = atomic_fetch_add(&next_user, 1);
    struct uuid user_id = user_uuid(user);
    for (int i = 0; i < ROUNDS; i++) {
        struct uuid token_id;
        struct place place;
        struct place *one = &place;
        struct line_figures now;
        bool flag;
        uuid_v7(&token_id);
        bool good = queue_store_issue(actor_begin(&actor), store, "main", &user_id, &token_id,
                                      &place, &flag) == ST_OK &&
                    queue_store_look(actor_begin(&actor), store, "main", &one, 1, true) == ST_OK &&
                    queue_store_figures(actor_begin(&actor), store, "main", &now) == ST_OK;
        if (!good || now.active > CAPACITY)
            atomic_fetch_add(&failures, 1);
        if (good && (place.status == PLACE_ACTIVE || i % 7 == 0))
            good = queue_store_expire(actor_begin(&actor), store, "main", &user_id, &place.token_id,
                                      EXPIRE_LEFT, &flag) == ST_OK;
        if (!good)
            atomic_fetch_add(&failures, 1);
    }
    actor_done(&actor);
    return NULL;
}

START_TEST(two_instances_under_load_never_admit_more_than_the_capacity)
{
    struct policy policy = settings;
    policy.capacity = CAPACITY;
    set_policy(0, &policy);
    atomic_store(&next_user, 1);
    atomic_store(&failures, 0);
    run_threads(hammer);
    ck_assert_int_eq(atomic_load(&failures), 0);
    ck_assert_int_eq(ask_log("SELECT max(active) FROM line_event WHERE event = 'ADMITTED'"),
                     CAPACITY);
    assert_log_is_in_order();
    /* Everything that the atomic function counted is in the log, once. */
    ck_assert_int_eq(ask_log("SELECT count(*) FROM line_event WHERE event = 'ADMITTED'"),
                     figures(1).admitted_total);
}
END_TEST

/* --- absence: made by setting back the last sign of life, so that no test depends on how fast it
 * runs --- */

static void make_absent(int user)
{
    struct uuid user_id = user_uuid(user);
    (void)support_redis_cli(
        &redis, (const char *const[]){"HSET", "line:{main}:seen", user_id.text, "1"}, 4);
}

static void make_all_absent(void)
{
    static const char *const script[] = {"EVAL",
                                         "for _, user in ipairs(redis.call('HKEYS', KEYS[1])) do "
                                         "redis.call('HSET', KEYS[1], user, 1) end",
                                         "1", "line:{main}:seen"};
    (void)support_redis_cli(&redis, script, 4);
}

START_TEST(whoever_is_absent_is_skipped_and_may_return_to_the_front)
{
    struct place first = join(0, 1);
    struct place absent = join(0, 2);
    struct place third = join(0, 3);
    struct place fourth = join(0, 4);
    ck_assert_int_eq(first.status, PLACE_ACTIVE);
    make_absent(2);
    ck_assert(end(0, &first, EXPIRE_LEFT));
    look(0, &third);
    ck_assert_int_eq(third.status, PLACE_ACTIVE);
    ck_assert_int_eq(figures(0).skipped_total, 1);
    /* Still a place, in front of everybody. */
    look(1, &absent);
    ck_assert_int_eq(absent.status, PLACE_WAITING);
    ck_assert_int_eq(absent.position, 1);
    look(0, &fourth);
    ck_assert_int_eq(fourth.position, 2);
    ck_assert(end(0, &third, EXPIRE_PAID));
    look(1, &absent);
    ck_assert_int_eq(absent.status, PLACE_ACTIVE);
    ck_assert_int_eq(
        ask_log("SELECT count(*) FROM line_event WHERE event = 'ADMITTED' AND reason = 'RETURNED'"),
        1);
    assert_log_is_in_order();
}
END_TEST

START_TEST(whoever_stays_away_loses_the_place_and_the_line_goes_on)
{
    struct place first = join(0, 1);
    struct place absent = join(0, 2);
    struct place next = join(0, 3);
    make_absent(2);
    ck_assert(end(0, &first, EXPIRE_LEFT));
    ck_assert_int_eq(peek(0, &absent), PLACE_WAITING);
    ck_assert_int_eq(figures(0).skipped_total, 1);
    /* The time to return is over. */
    (void)support_redis_cli(
        &redis, (const char *const[]){"ZADD", "line:{main}:skipped", "1", absent.user_id.text}, 4);
    look(0, &absent);
    ck_assert_int_eq(absent.status, PLACE_EXPIRED);
    ck_assert_int_eq(peek(1, &next), PLACE_ACTIVE);
    ck_assert_int_eq(ask_log("SELECT count(*) FROM line_event WHERE reason = 'LAPSED'"), 1);
}
END_TEST

START_TEST(after_an_outage_nobody_counts_as_absent)
{
    struct place first = join(0, 1);
    struct place second = join(0, 2);
    struct place third = join(0, 3);
    make_absent(2);
    /* Nobody was served for an hour: nobody could poll. */
    (void)support_redis_cli(&redis, (const char *const[]){"HSET", "line:{main}:meta", "ran", "1"},
                            4);
    ck_assert(end(0, &first, EXPIRE_LEFT));
    ck_assert_int_eq(peek(1, &second), PLACE_ACTIVE);
    ck_assert_int_eq(peek(1, &third), PLACE_WAITING);
    ck_assert_int_eq(figures(0).skipped_total, 0);
}
END_TEST

START_TEST(a_line_of_absent_users_does_not_stall)
{
    enum { ABSENT = 400 };
    struct policy policy = settings;
    policy.paused = true;
    set_policy(0, &policy);
    for (int i = 1; i <= ABSENT; i++)
        (void)join(0, i);
    make_all_absent();
    struct place present = join(0, ABSENT + 1);
    policy.paused = false;
    set_policy(0, &policy);
    ck_assert(wait_for_status(0, &present, PLACE_ACTIVE));
    ck_assert_int_eq(figures(0).skipped_total, ABSENT);
    assert_log_is_in_order();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("the line");
    TCase *line = tcase_create("line");
    tcase_set_timeout(line, 60);
    tcase_add_unchecked_fixture(line, fixture_start, fixture_stop);
    tcase_add_checked_fixture(line, fixture_set_up, fixture_tear_down);
    tcase_add_test(line, places_are_numbered_in_the_order_of_asking_whichever_instance_was_asked);
    tcase_add_test(line, asking_again_keeps_the_place_on_any_instance);
    tcase_add_test(line, queues_are_apart);
    tcase_add_test(line, three_hundred_parallel_joins_are_admitted_in_their_order);
    tcase_add_test(line, a_place_that_ends_lets_the_next_one_in_at_once);
    tcase_add_test(line, an_ended_token_stays_ended_and_ending_it_again_changes_nothing);
    tcase_add_test(line, whoever_leaves_the_line_moves_the_others_up);
    tcase_add_test(line, an_admitted_user_who_went_away_frees_the_place_at_its_time);
    tcase_add_test(line, nobody_needs_to_ask_for_the_line_to_move);
    tcase_add_test(line, a_number_that_was_never_given_is_unknown);
    tcase_add_test(line, two_instances_under_load_never_admit_more_than_the_capacity);
    tcase_add_test(line, whoever_is_absent_is_skipped_and_may_return_to_the_front);
    tcase_add_test(line, whoever_stays_away_loses_the_place_and_the_line_goes_on);
    tcase_add_test(line, after_an_outage_nobody_counts_as_absent);
    tcase_add_test(line, a_line_of_absent_users_does_not_stall);
    suite_add_tcase(suite, line);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
