/* A random driver runs the model and the real line side by side, over two instances, and compares
 * every answer. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"
#include "model.h"

enum { SEEDS = 24, STEPS = 400 };

static struct model model;
static struct place places[MODEL_USERS]; /* the last place of each user */
static bool has_place[MODEL_USERS];
static uint64_t dice_state;
static int step;

/* xorshift64*: a seed gives the same story on every machine. */
static int roll(int sides)
{
    dice_state ^= dice_state >> 12;
    dice_state ^= dice_state << 25;
    dice_state ^= dice_state >> 27;
    return (int)(dice_state * UINT64_C(2685821657736338717) >> 33) % sides;
}

/* Sets a time in Redis back: that is how time passes here. */
static void set_back(const char *command, const char *key, const char *first, const char *second)
{
    static struct actor actor;
    const char *argv[] = {command, key, first, second};
    struct kv_reply reply;
    ck_assert_int_eq(kv_command(actor_begin(&actor), instances[0].kv, 1, argv, 4, &reply), ST_OK);
}

static void compare_place(int user, const struct place *place)
{
    const struct model_user *expected = &model.users[user];
    switch (expected->state) {
    case MODEL_NONE:
        ck_assert_msg(place->status == PLACE_EXPIRED, "step %d: user %d should have ended", step,
                      user);
        return;
    case MODEL_ACTIVE:
        ck_assert_msg(place->status == PLACE_ACTIVE, "step %d: user %d should be active", step,
                      user);
        break;
    case MODEL_WAITING:
    case MODEL_SKIPPED:
    default:
        ck_assert_msg(place->status == PLACE_WAITING, "step %d: user %d should wait", step, user);
        ck_assert_msg(place->position == model_position(&model, user),
                      "step %d: user %d is at %lld, should be at %lld", step, user,
                      (long long)place->position, (long long)model_position(&model, user));
        break;
    }
    ck_assert_int_eq(place->sequence, expected->sequence);
}

static void compare_everything(int instance)
{
    model_tick(&model);
    struct line_figures now = figures(instance);
    ck_assert_msg(now.waiting == model_count(&model, MODEL_WAITING), "step %d: waiting", step);
    ck_assert_msg(now.active == model_count(&model, MODEL_ACTIVE), "step %d: active", step);
    ck_assert_int_eq(now.admitted_total, model.admitted);
    ck_assert_int_eq(now.skipped_total, model.skipped);
    ck_assert_int_eq(now.last_sequence, model.last_sequence);
    for (int user = 0; user < MODEL_USERS; user++) {
        if (!has_place[user])
            continue;
        struct place place = places[user];
        place.status = peek(instance, &place);
        place.position = model_position(&model, user);
        compare_place(user, &place);
    }
}

static void step_join(int instance, int user)
{
    struct place place;
    bool created = join_created(instance, user, &place);
    ck_assert_msg(created == model_join(&model, user), "step %d: user %d joined", step, user);
    compare_place(user, &place);
    places[user] = place;
    has_place[user] = true;
}

static void step_poll(int instance, int user)
{
    if (!has_place[user])
        return;
    look(instance, &places[user]);
    model_poll(&model, user);
    compare_place(user, &places[user]);
}

static void step_end(int instance, int user)
{
    if (!has_place[user])
        return;
    bool ended = end(instance, &places[user], roll(2) ? EXPIRE_PAID : EXPIRE_LEFT);
    ck_assert_msg(ended == model_end(&model, user), "step %d: user %d ended", step, user);
}

static void step_absent(int user)
{
    if (model.users[user].state == MODEL_NONE)
        return;
    set_back("HSET", "line:{main}:seen", places[user].user_id.text, "1");
    model.users[user].is_absent = true;
}

static void step_due(int user)
{
    if (model.users[user].state == MODEL_ACTIVE)
        set_back("ZADD", "line:{main}:active", "1", places[user].user_id.text);
    else if (model.users[user].state == MODEL_SKIPPED)
        set_back("ZADD", "line:{main}:skipped", "1", places[user].user_id.text);
    else
        return;
    model.users[user].is_due = true;
}

static void step_policy(int instance)
{
    struct policy policy = settings;
    policy.kind = (enum policy_kind)roll(3);
    policy.capacity = 1 + roll(5);
    policy.admit_batch = 1 + roll(4);
    policy.admit_interval_ms = POLICY_INTERVAL_MS_MAX;
    policy.paused = roll(6) == 0;
    set_policy(instance, &policy);
    /* Setting it asks for the figures before, which is a tick by the old policy. */
    model_tick(&model);
    model_set_policy(&model, &policy);
}

static void step_interval(void)
{
    set_back("HSET", "line:{main}:meta", "window", "0");
    model.is_interval_on = false;
}

static void take_step(void)
{
    int instance = roll(INSTANCES);
    int user = roll(MODEL_USERS);
    int what = roll(100);
    if (what < 35)
        step_join(instance, user);
    else if (what < 60)
        step_poll(instance, user);
    else if (what < 72)
        step_end(instance, user);
    else if (what < 80)
        step_absent(user);
    else if (what < 88)
        step_due(user);
    else if (what < 91)
        step_policy(instance);
    else if (what < 94)
        step_interval();
    else
        compare_everything(instance);
}

START_TEST(the_real_line_answers_as_the_model_does)
{
    dice_state = (uint64_t)_i * 7919 + 1;
    model = (struct model){.policy = settings};
    for (int user = 0; user < MODEL_USERS; user++)
        has_place[user] = false;
    for (step = 0; step < STEPS; step++)
        take_step();
    compare_everything(0);
    assert_log_is_in_order();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("the line against its model");
    TCase *random = tcase_create("random");
    tcase_set_timeout(random, 60);
    tcase_add_unchecked_fixture(random, fixture_start, fixture_stop);
    tcase_add_checked_fixture(random, fixture_set_up, fixture_tear_down);
    tcase_add_loop_test(random, the_real_line_answers_as_the_model_does, 0, SEEDS);
    suite_add_tcase(suite, random);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
