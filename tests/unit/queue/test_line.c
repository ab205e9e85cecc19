#include <check.h>
#include <stdlib.h>

#include "line.h"

static unsigned char block[4096];
static struct arena arena;
static struct ctx ctx;

static void fresh_ctx(void)
{
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
}

static struct policy good_policy(void)
{
    return (struct policy){
        .kind = POLICY_COUNTER,
        .capacity = 100,
        .admit_batch = 50,
        .admit_interval_ms = 1000,
        .active_ttl_ms = 600000,
        .absent_ms = 60000,
    };
}

/* --- policies --- */

static const struct policy_row {
    const char *name;
    size_t offset;
    int64_t value;
    enum status status;
    const char *pointer;
} policy_rows[] = {
#define ROW(member, value, status)                                                                 \
    {                                                                                              \
#member " " #value, offsetof(struct policy, member), value, status, "/policy/" #member     \
    }
    ROW(capacity, 0, ST_INVALID_REQUEST),
    ROW(capacity, 1, ST_OK),
    ROW(capacity, POLICY_CAPACITY_MAX, ST_OK),
    ROW(capacity, POLICY_CAPACITY_MAX + 1, ST_INVALID_REQUEST),
    ROW(capacity, INT64_MIN, ST_INVALID_REQUEST),
    ROW(admit_batch, 0, ST_INVALID_REQUEST),
    ROW(admit_batch, 1, ST_OK),
    ROW(admit_batch, POLICY_BATCH_MAX, ST_OK),
    ROW(admit_batch, POLICY_BATCH_MAX + 1, ST_INVALID_REQUEST),
    ROW(admit_interval_ms, POLICY_INTERVAL_MS_MIN - 1, ST_INVALID_REQUEST),
    ROW(admit_interval_ms, POLICY_INTERVAL_MS_MIN, ST_OK),
    ROW(admit_interval_ms, POLICY_INTERVAL_MS_MAX, ST_OK),
    ROW(admit_interval_ms, POLICY_INTERVAL_MS_MAX + 1, ST_INVALID_REQUEST),
    ROW(active_ttl_ms, POLICY_TTL_MS_MIN - 1, ST_INVALID_REQUEST),
    ROW(active_ttl_ms, POLICY_TTL_MS_MIN, ST_OK),
    ROW(active_ttl_ms, POLICY_TTL_MS_MAX, ST_OK),
    ROW(active_ttl_ms, POLICY_TTL_MS_MAX + 1, ST_INVALID_REQUEST),
    ROW(absent_ms, POLICY_ABSENT_MS_MIN - 1, ST_INVALID_REQUEST),
    ROW(absent_ms, POLICY_ABSENT_MS_MIN, ST_OK),
    ROW(absent_ms, POLICY_ABSENT_MS_MAX, ST_OK),
    ROW(absent_ms, INT64_MAX, ST_INVALID_REQUEST),
#undef ROW
};

START_TEST(a_policy_is_taken_within_its_limits_only)
{
    const struct policy_row *row = &policy_rows[_i];
    struct policy policy = good_policy();
    *(int64_t *)(void *)((char *)&policy + row->offset) = row->value;
    fresh_ctx();
    ck_assert_msg(policy_check(&ctx, &policy) == row->status, "%s", row->name);
    if (row->status != ST_OK) {
        ck_assert_uint_eq(ctx.violation_count, 1);
        ck_assert_str_eq(ctx.violations[0].pointer, row->pointer);
    }
}
END_TEST

START_TEST(all_wrong_members_are_told_at_once)
{
    struct policy policy = {0};
    fresh_ctx();
    ck_assert_int_eq(policy_check(&ctx, &policy), ST_INVALID_REQUEST);
    ck_assert_uint_eq(ctx.violation_count, 5);
}
END_TEST

START_TEST(kinds_have_names_and_back)
{
    for (int i = POLICY_COUNTER; i <= POLICY_BOTH; i++) {
        enum policy_kind kind = POLICY_COUNTER;
        ck_assert(policy_kind_from_name(policy_kind_name((enum policy_kind)i), &kind));
        ck_assert_int_eq((int)kind, i);
    }
    enum policy_kind untouched = POLICY_GATE;
    ck_assert(!policy_kind_from_name("turnstile", &untouched));
    ck_assert(!policy_kind_from_name("", &untouched));
    ck_assert_int_eq(untouched, POLICY_GATE);
}
END_TEST

/* --- estimates --- */

static const struct wait_row {
    const char *name;
    enum policy_kind kind;
    int64_t rate_milli;
    int64_t position;
    int64_t wait_ms;
} wait_rows[] = {
    /* capacity 100, ttl 600 s, 50 a second by the gate */
    {"whoever is in waits no more", POLICY_COUNTER, 0, 0, 0},
    {"before there is a rate a place lasts its whole time", POLICY_COUNTER, 0, 1, 600000},
    {"the last of the first lot", POLICY_COUNTER, 0, 100, 600000},
    {"the first of the second lot", POLICY_COUNTER, 0, 101, 1200000},
    {"the measured rate wins", POLICY_COUNTER, 2000, 10, 5000},
    {"a slow rate", POLICY_COUNTER, 1, 1, 1000000},
    {"longest wait by policy", POLICY_COUNTER, 0, INT64_MAX, LINE_WAIT_MS_MAX},
    {"longest wait by rate", POLICY_COUNTER, 1, INT64_MAX, LINE_WAIT_MS_MAX},
    {"the gate's next interval", POLICY_GATE, 0, 50, 1000},
    {"the interval after it", POLICY_GATE, 0, 51, 2000},
    {"the gate goes by its own time", POLICY_GATE, 1000000, 51, 2000},
    {"the longest gate", POLICY_GATE, 0, INT64_MAX, LINE_WAIT_MS_MAX},
    {"both: the counter is slower", POLICY_BOTH, 10000, 100, 10000},
    {"both: the gate is slower", POLICY_BOTH, 1000000, 100, 2000},
};

START_TEST(a_wait_is_estimated_from_rate_and_policy)
{
    const struct wait_row *row = &wait_rows[_i];
    struct line_figures figures = {.policy = good_policy(), .advance_rate_milli = row->rate_milli};
    figures.policy.kind = row->kind;
    int64_t wait_ms = line_estimate_wait_ms(&figures, row->position);
    ck_assert_msg(wait_ms == row->wait_ms, "%s: %lld", row->name, (long long)wait_ms);
}
END_TEST

/* --- when to ask again --- */

static const struct poll_row {
    const char *name;
    enum place_status status;
    int64_t position;
    int64_t rate_milli;
    int64_t absent_ms;
    uint64_t dice;
    int64_t poll_ms;
} poll_rows[] = {
    {"far away: seldom", PLACE_WAITING, 100000, 1000, 60000, 0, LINE_POLL_MS_MAX},
    {"a tenth of the wait", PLACE_WAITING, 100, 1000, 60000, 0, 10000},
    {"at the front: often", PLACE_WAITING, 1, 1000, 60000, 0, LINE_POLL_MS_MIN},
    {"jitter is a fifth at most", PLACE_WAITING, 100, 1000, 60000, 255, 8008},
    {"jitter in the middle", PLACE_WAITING, 100, 1000, 60000, 128, 9000},
    {"jitter takes the low byte only", PLACE_WAITING, 100, 1000, 60000, 256, 10000},
    {"often enough to be present", PLACE_WAITING, 100000, 1000, 3000, 0, 1000},
    {"even below the minimum", PLACE_WAITING, 1, 1000, 300, 0, 100},
    {"inside: seldom", PLACE_ACTIVE, 0, 1000, 60000, 0, LINE_POLL_MS_MAX},
    {"over: never", PLACE_EXPIRED, 0, 1000, 60000, 0, 0},
    {"unknown: never", PLACE_UNKNOWN, 0, 1000, 60000, 0, 0},
};

START_TEST(the_next_poll_comes_sooner_the_nearer_the_front)
{
    const struct poll_row *row = &poll_rows[_i];
    struct line_figures figures = {.policy = good_policy(), .advance_rate_milli = row->rate_milli};
    struct place place = {.status = row->status, .position = row->position};
    figures.policy.absent_ms = row->absent_ms;
    int64_t poll_ms = line_next_poll_ms(&figures, &place, row->dice);
    ck_assert_msg(poll_ms == row->poll_ms, "%s: %lld", row->name, (long long)poll_ms);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("queue rules");
    TCase *rules = tcase_create("rules");
    tcase_add_loop_test(rules, a_policy_is_taken_within_its_limits_only, 0,
                        (int)ARRAY_LEN(policy_rows));
    tcase_add_test(rules, all_wrong_members_are_told_at_once);
    tcase_add_test(rules, kinds_have_names_and_back);
    tcase_add_loop_test(rules, a_wait_is_estimated_from_rate_and_policy, 0,
                        (int)ARRAY_LEN(wait_rows));
    tcase_add_loop_test(rules, the_next_poll_comes_sooner_the_nearer_the_front, 0,
                        (int)ARRAY_LEN(poll_rows));
    suite_add_tcase(suite, rules);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
