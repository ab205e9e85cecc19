#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ctx.h"
#include "kv/kv.h"
#include "support/redis.h"

enum { ARENA_SIZE = 256 * 1024, PATIENCE_MS = 20000 };

static struct support_redis redis;
static struct kv *kv;
static unsigned char block[ARENA_SIZE];
static struct arena arena;
static struct ctx ctx;

static void fresh_ctx(int64_t timeout_ms)
{
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, timeout_ms);
}

static void set_up(void)
{
    support_redis_start(&redis, NULL);
    ck_assert_int_eq(kv_new(&(struct kv_options){.url = redis.url}, &kv), ST_OK);
    fresh_ctx(PATIENCE_MS);
}

static void tear_down(void)
{
    kv_free(&kv);
    support_redis_stop(&redis);
}

#define COMMAND(reply, ...)                                                                        \
    kv_command(&ctx, kv, 7, (const char *const[]){__VA_ARGS__},                                    \
               sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), reply)

static const struct kv_script add_script = {
    .name = "add", .lua = "return {redis.call('INCRBY', KEYS[1], ARGV[1]), 'sum'}"};

static enum status add(struct ctx *with, struct kv *to, const char *amount, int64_t *ret_sum)
{
    struct kv_reply reply;
    TRY(kv_eval(with, to, &add_script, (const char *const[]){"{t}:sum"}, 1,
                (const char *const[]){amount}, 1, &reply));
    *ret_sum = kv_integer_at(&reply, 0);
    return ST_OK;
}

/* Asks again until Redis is back: how soon that is noticed is the backoff's business. */
static enum status ping_until_ok(struct kv *to)
{
    enum status status = ST_UNAVAILABLE;
    for (int64_t end_us = clock_monotonic_us() + PATIENCE_MS * 1000;
         status != ST_OK && clock_monotonic_us() < end_us;) {
        fresh_ctx(PATIENCE_MS);
        status = kv_ping(&ctx, to);
        if (status != ST_OK)
            usleep(20000);
    }
    return status;
}

START_TEST(commands_answer_with_every_kind_of_reply)
{
    struct kv_reply reply;
    ck_assert_int_eq(COMMAND(&reply, "SET", "k", "v a l"), ST_OK);
    ck_assert_str_eq(reply.text, "OK");
    ck_assert_int_eq(COMMAND(&reply, "GET", "k"), ST_OK);
    ck_assert_int_eq(reply.kind, KV_TEXT);
    ck_assert_str_eq(reply.text, "v a l");
    ck_assert_int_eq(COMMAND(&reply, "GET", "none"), ST_OK);
    ck_assert_int_eq(reply.kind, KV_NIL);
    ck_assert_int_eq(COMMAND(&reply, "INCR", "n"), ST_OK);
    ck_assert_int_eq(reply.kind, KV_INTEGER);
    ck_assert_int_eq(reply.integer, 1);
    ck_assert_int_eq(COMMAND(&reply, "MGET", "k", "none", "n"), ST_OK);
    ck_assert_int_eq(reply.kind, KV_ARRAY);
    ck_assert_uint_eq(reply.item_count, 3);
    ck_assert_int_eq(kv_integer_at(&reply, 2), 1);
}
END_TEST

START_TEST(a_script_runs_and_is_loaded_again_after_it_was_forgotten)
{
    int64_t sum;
    ck_assert_int_eq(add(&ctx, kv, "5", &sum), ST_OK);
    ck_assert_int_eq(sum, 5);
    (void)support_redis_cli(&redis, (const char *const[]){"SCRIPT", "FLUSH"}, 2);
    ck_assert_int_eq(add(&ctx, kv, "2", &sum), ST_OK);
    ck_assert_int_eq(sum, 7);
}
END_TEST

START_TEST(a_wrong_type_is_our_own_mistake)
{
    struct kv_reply reply;
    ck_assert_int_eq(COMMAND(&reply, "SET", "k", "v"), ST_OK);
    ck_assert_int_eq(COMMAND(&reply, "ZADD", "k", "1", "m"), ST_INTERNAL);
    ck_assert_ptr_nonnull(strstr(ctx.detail, "WRONGTYPE"));
    /* The connection goes on. */
    ck_assert_int_eq(COMMAND(&reply, "GET", "k"), ST_OK);
}
END_TEST

START_TEST(a_script_that_fails_is_our_own_mistake)
{
    static const struct kv_script broken = {.name = "broken",
                                            .lua = "return redis.call('NONSENSE', KEYS[1])"};
    struct kv_reply reply;
    ck_assert_int_eq(kv_eval(&ctx, kv, &broken, (const char *const[]){"{t}:x"}, 1, NULL, 0, &reply),
                     ST_INTERNAL);
    ck_assert_int_eq(kv_ping(&ctx, kv), ST_OK);
}
END_TEST

START_TEST(full_memory_is_overload_for_commands_and_scripts)
{
    static const struct kv_script fill = {.name = "fill",
                                          .lua = "return redis.call('SET', KEYS[1], ARGV[1])"};
    struct kv_reply reply;
    ck_assert_int_eq(COMMAND(&reply, "CONFIG", "SET", "maxmemory", "1"), ST_OK);
    ck_assert_int_eq(COMMAND(&reply, "SET", "k", "v"), ST_OVERLOADED);
    ck_assert_int_eq(kv_eval(&ctx, kv, &fill, (const char *const[]){"{t}:x"}, 1,
                             (const char *const[]){"v"}, 1, &reply),
                     ST_OVERLOADED);
    ck_assert_int_eq(COMMAND(&reply, "CONFIG", "SET", "maxmemory", "0"), ST_OK);
    ck_assert_int_eq(COMMAND(&reply, "SET", "k", "v"), ST_OK);
}
END_TEST

START_TEST(a_restarted_server_is_found_again)
{
    struct kv_reply reply;
    ck_assert_int_eq(COMMAND(&reply, "SET", "k", "v"), ST_OK);
    support_redis_kill(&redis);
    ck_assert_int_eq(COMMAND(&reply, "GET", "k"), ST_UNAVAILABLE);
    /* While backing off nothing is tried, so this answers at once and does not hang. */
    ck_assert_int_eq(COMMAND(&reply, "GET", "k"), ST_UNAVAILABLE);
    support_redis_start_again(&redis);
    ck_assert_int_eq(ping_until_ok(kv), ST_OK);
    int64_t sum;
    ck_assert_int_eq(add(&ctx, kv, "1", &sum), ST_OK);
}
END_TEST

START_TEST(a_connection_closed_while_idle_costs_nobody_an_error)
{
    struct kv_reply reply;
    ck_assert_int_eq(kv_ping(&ctx, kv), ST_OK);
    ck_assert_int_eq(kv_ping(&ctx, kv), ST_OK);
    (void)support_redis_cli(&redis, (const char *const[]){"CLIENT", "KILL", "TYPE", "normal"}, 4);
    ck_assert_int_eq(COMMAND(&reply, "SET", "k", "v"), ST_OK);
}
END_TEST

START_TEST(a_frozen_server_is_bounded_by_the_deadline_and_found_again)
{
    struct kv_reply reply;
    ck_assert_int_eq(COMMAND(&reply, "SET", "k", "v"), ST_OK);
    support_redis_freeze(&redis);
    fresh_ctx(200);
    int64_t from_us = clock_monotonic_us();
    ck_assert_int_eq(COMMAND(&reply, "SET", "k", "w"), ST_TIMEOUT);
    /* Nothing but the deadline ends this wait: the server would never answer. */
    ck_assert_int_ge(clock_monotonic_us() - from_us, 200 * 1000);
    support_redis_thaw(&redis);
    ck_assert_int_eq(ping_until_ok(kv), ST_OK);
}
END_TEST

START_TEST(a_frozen_server_is_bounded_by_the_round_trip_limit_without_a_deadline)
{
    struct kv *impatient = NULL;
    struct kv_options options = {.url = redis.url, .timeout_ms = 100, .connect_timeout_ms = 100};
    ck_assert_int_eq(kv_new(&options, &impatient), ST_OK);
    ck_assert_int_eq(kv_ping(&ctx, impatient), ST_OK);
    support_redis_freeze(&redis);
    ctx.deadline_us = CTX_NO_DEADLINE;
    for (int i = 0; i < 2; i++)
        ck_assert_int_ne(kv_ping(&ctx, impatient), ST_OK);
    support_redis_thaw(&redis);
    ck_assert_int_eq(ping_until_ok(impatient), ST_OK);
    kv_free(&impatient);
}
END_TEST

START_TEST(nobody_is_sent_whose_deadline_is_over)
{
    struct kv_reply reply;
    ck_assert_int_eq(kv_ping(&ctx, kv), ST_OK);
    ctx.deadline_us = clock_monotonic_us() - 1;
    ck_assert_int_eq(COMMAND(&reply, "SET", "late", "v"), ST_TIMEOUT);
    fresh_ctx(PATIENCE_MS);
    ck_assert_int_eq(COMMAND(&reply, "GET", "late"), ST_OK);
    ck_assert_int_eq(reply.kind, KV_NIL);
}
END_TEST

START_TEST(the_url_logs_in_and_selects_a_database)
{
    struct support_redis guarded;
    struct kv *stranger = NULL;
    struct kv *friend = NULL;
    char url[256];
    struct kv_reply reply;
    support_redis_start(&guarded, &(struct support_redis_options){.password = "s3cret"});

    snprintf(url, sizeof url, "redis://127.0.0.1:%d", guarded.port);
    ck_assert_int_eq(kv_new(&(struct kv_options){.url = url}, &stranger), ST_OK);
    ck_assert_int_eq(kv_ping(&ctx, stranger), ST_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(ctx.detail, "NOAUTH"));

    snprintf(url, sizeof url, "redis://default:s3cret@127.0.0.1:%d/3", guarded.port);
    ck_assert_int_eq(kv_new(&(struct kv_options){.url = url}, &friend), ST_OK);
    fresh_ctx(PATIENCE_MS);
    const char *set[] = {"SET", "k", "v"};
    ck_assert_int_eq(kv_command(&ctx, friend, 1, set, 3, &reply), ST_OK);
    ck_assert_str_eq(support_redis_cli(&guarded, (const char *const[]){"-n", "3", "GET", "k"}, 4),
                     "v");
    kv_free(&stranger);
    kv_free(&friend);
    support_redis_stop(&guarded);
}
END_TEST

START_TEST(a_reply_larger_than_any_socket_buffer_arrives_whole)
{
    enum { SIZE = 8 * 1024 * 1024 };
    char *big = malloc(SIZE + 1);
    unsigned char *room = malloc(2 * SIZE);
    struct kv_reply reply;
    memset(big, 'x', SIZE);
    big[SIZE] = '\0';
    arena_init(&arena, room, 2 * SIZE);
    ck_assert_int_eq(COMMAND(&reply, "SET", "big", big), ST_OK);
    ck_assert_int_eq(COMMAND(&reply, "GET", "big"), ST_OK);
    ck_assert_uint_eq(reply.size, SIZE);
    ck_assert_mem_eq(reply.text, big, SIZE);
    free(room);
    free(big);
}
END_TEST

/* --- many threads --- */

enum { THREADS = 32, CALLS = 200 };

struct caller {
    pthread_t thread;
    unsigned char block[32 * 1024];
    int id;
    int wrong;
    int unavailable;
    bool may_be_forgotten; /* the server restarts without its data */
};

/* Every caller has a key of its own: an answer that went to the wrong caller shows at once. */
static void call_once(struct caller *caller, struct ctx *with, int round, int64_t *sum)
{
    char key[32];
    char value[32];
    struct kv_reply reply;
    snprintf(key, sizeof key, "own:%d", caller->id);
    snprintf(value, sizeof value, "%d:%d", caller->id, round);

    const char *set[] = {"SET", key, value};
    const char *get[] = {"GET", key};
    uint64_t lane = (uint64_t)caller->id;
    enum status status = kv_command(with, kv, lane, set, 3, &reply);
    if (status == ST_OK)
        status = kv_command(with, kv, lane, get, 2, &reply);
    bool is_forgotten = status == ST_OK && reply.kind == KV_NIL;
    if (is_forgotten && !caller->may_be_forgotten)
        caller->wrong++;
    if (status == ST_OK && !is_forgotten && strcmp(reply.text, value) != 0)
        caller->wrong++;
    if (status == ST_OK)
        status = add(with, kv, "1", sum);
    if (status != ST_OK)
        caller->unavailable++;
    if (status != ST_OK && status != ST_UNAVAILABLE)
        caller->wrong++;
}

static void *call_often(void *self)
{
    struct caller *caller = self;
    int64_t sum = 0;
    for (int i = 0; i < CALLS; i++) {
        struct arena own;
        struct ctx with;
        arena_init(&own, caller->block, sizeof caller->block);
        ctx_init(&with, &own);
        ctx_set_timeout_ms(&with, PATIENCE_MS);
        call_once(caller, &with, i, &sum);
    }
    return NULL;
}

static struct caller callers[THREADS];

static void start_callers(bool may_be_forgotten)
{
    memset(callers, 0, sizeof callers);
    for (int i = 0; i < THREADS; i++) {
        callers[i].id = i;
        callers[i].may_be_forgotten = may_be_forgotten;
        ck_assert_int_eq(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]), 0);
    }
}

static void join_callers(int *ret_wrong, int *ret_unavailable)
{
    *ret_wrong = 0;
    *ret_unavailable = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(callers[i].thread, NULL);
        *ret_wrong += callers[i].wrong;
        *ret_unavailable += callers[i].unavailable;
    }
}

START_TEST(many_threads_get_each_their_own_answers)
{
    int wrong, unavailable;
    start_callers(false);
    join_callers(&wrong, &unavailable);
    ck_assert_int_eq(wrong, 0);
    ck_assert_int_eq(unavailable, 0);
    int64_t sum;
    ck_assert_int_eq(add(&ctx, kv, "0", &sum), ST_OK);
    ck_assert_int_eq(sum, THREADS * CALLS);
}
END_TEST

START_TEST(many_threads_survive_forgotten_scripts)
{
    int wrong, unavailable;
    start_callers(false);
    for (int i = 0; i < 20; i++)
        (void)support_redis_cli(&redis, (const char *const[]){"SCRIPT", "FLUSH"}, 2);
    join_callers(&wrong, &unavailable);
    ck_assert_int_eq(wrong, 0);
    ck_assert_int_eq(unavailable, 0);
    int64_t sum;
    ck_assert_int_eq(add(&ctx, kv, "0", &sum), ST_OK);
    ck_assert_int_eq(sum, THREADS * CALLS);
}
END_TEST

START_TEST(many_threads_survive_a_restart_and_are_never_mixed_up)
{
    int wrong, unavailable;
    start_callers(true);
    usleep(20000);
    support_redis_kill(&redis);
    support_redis_start_again(&redis);
    join_callers(&wrong, &unavailable);
    ck_assert_int_eq(wrong, 0);
    ck_assert_int_eq(ping_until_ok(kv), ST_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kv against redis");
    TCase *single = tcase_create("single");
    tcase_set_timeout(single, 60);
    tcase_add_checked_fixture(single, set_up, tear_down);
    tcase_add_test(single, commands_answer_with_every_kind_of_reply);
    tcase_add_test(single, a_script_runs_and_is_loaded_again_after_it_was_forgotten);
    tcase_add_test(single, a_wrong_type_is_our_own_mistake);
    tcase_add_test(single, a_script_that_fails_is_our_own_mistake);
    tcase_add_test(single, full_memory_is_overload_for_commands_and_scripts);
    tcase_add_test(single, a_restarted_server_is_found_again);
    tcase_add_test(single, a_connection_closed_while_idle_costs_nobody_an_error);
    tcase_add_test(single, a_frozen_server_is_bounded_by_the_deadline_and_found_again);
    tcase_add_test(single, a_frozen_server_is_bounded_by_the_round_trip_limit_without_a_deadline);
    tcase_add_test(single, nobody_is_sent_whose_deadline_is_over);
    tcase_add_test(single, the_url_logs_in_and_selects_a_database);
    tcase_add_test(single, a_reply_larger_than_any_socket_buffer_arrives_whole);
    suite_add_tcase(suite, single);

    TCase *many = tcase_create("many threads");
    tcase_set_timeout(many, 60);
    tcase_add_checked_fixture(many, set_up, tear_down);
    tcase_add_test(many, many_threads_get_each_their_own_answers);
    tcase_add_test(many, many_threads_survive_forgotten_scripts);
    tcase_add_test(many, many_threads_survive_a_restart_and_are_never_mixed_up);
    suite_add_tcase(suite, many);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
