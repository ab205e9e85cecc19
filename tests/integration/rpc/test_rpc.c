#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rpc_echo.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "log/log.h"
#include "rpc/client.h"
#include "rpc/server.h"

typedef Test__V1__EchoRequest EchoRequest;
typedef Test__V1__EchoResponse EchoResponse;

extern const unsigned char test_echo_descriptors[];
extern const size_t test_echo_descriptors_size;

enum { ARENA_SIZE = 4 * 1024 * 1024 };

static const struct rpc_call_type echo_type = {"/test.v1.EchoService/Echo",
                                               &test__v1__echo_response__descriptor};
static const struct rpc_call_type refuse_type = {"/test.v1.EchoService/Refuse",
                                                 &test__v1__echo_response__descriptor};
static const struct rpc_call_type wait_type = {"/test.v1.EchoService/Wait",
                                               &test__v1__echo_response__descriptor};
static const struct rpc_call_type count_type = {"/test.v1.EchoService/Count",
                                                &test__v1__echo_response__descriptor};
static const struct rpc_call_type check_type = {
    "/grpc.health.v1.Health/Check", &grpc__health__v1__health_check_response__descriptor};

/* What the handlers share with the tests. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int waiting;
static char seen_trace[33];
static int64_t seen_left_ms;
static struct rpc_stream *open_stream;

static struct rpc_server *server;
static struct rpc_client *client;
static unsigned char block[ARENA_SIZE];
static struct arena arena;
static struct ctx ctx;

static enum status echo(struct ctx *at, void *self, const void *in, void *out)
{
    const EchoRequest *request = in;
    EchoResponse *response = out;
    (void)self;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    snprintf(seen_trace, sizeof seen_trace, "%s", at->trace_id);
    seen_left_ms = ctx_remaining_ms(at);
    pthread_mutex_unlock(&lock);
    response->text = request->text;
    response->number = request->number;
    return ST_OK;
}

static enum status refuse(struct ctx *at, void *self, const void *in, void *out)
{
    (void)self;
    (void)in;
    (void)out;
    ctx_note(at, "position", "17");
    ctx_violate(at, "/seat_no", "must be 1 to 50");
    return ctx_fail(at, ST_NOT_YOUR_TURN, "the secret detail");
}

static enum status wait_for_gate(struct ctx *at, void *self, const void *in, void *out)
{
    (void)at;
    (void)self;
    (void)in;
    (void)out;
    atomic_fetch_add(&waiting, 1);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return ST_OK;
}

static enum status count(struct ctx *at, void *self, const void *in, struct rpc_stream *stream)
{
    const EchoRequest *request = in;
    (void)self;
    if (request->number < 0)
        return ctx_fail(at, ST_TOKEN_EXPIRED, "no stream for you");
    for (int64_t i = 1; i <= request->number; i++) {
        EchoResponse response = TEST__V1__ECHO_RESPONSE__INIT;
        response.number = i;
        ck_assert(rpc_stream_send(stream, &response.base));
    }
    open_stream = stream;
    return ST_OK;
}

#define METHOD(method, kind, handler)                                                              \
    {                                                                                              \
        .name = method, .input = &test__v1__echo_request__descriptor,                              \
        .output = &test__v1__echo_response__descriptor, .kind = handler                            \
    }
static const struct rpc_method methods[] = {
    METHOD("Echo", handle, echo),
    METHOD("Refuse", handle, refuse),
    METHOD("Wait", handle, wait_for_gate),
    METHOD("Count", open, count),
};
static struct rpc_service service;

static struct rpc_server *start_server(size_t workers, size_t in_flight_max)
{
    struct rpc_server *made = NULL;
    service = (struct rpc_service){.name = "test.v1.EchoService",
                                   .methods = methods,
                                   .method_count = ARRAY_LEN(methods),
                                   .descriptors = test_echo_descriptors,
                                   .descriptors_size = test_echo_descriptors_size};
    ck_assert_int_eq(rpc_server_start(&(struct rpc_server_options){.listen = "127.0.0.1:0",
                                                                   .services = &service,
                                                                   .service_count = 1,
                                                                   .workers = workers,
                                                                   .in_flight_max = in_flight_max},
                                      &made),
                     ST_OK);
    return made;
}

static struct rpc_client *connect_to(int first, int second)
{
    char target[64];
    struct rpc_client *made = NULL;
    if (second == 0)
        snprintf(target, sizeof target, "127.0.0.1:%d", first);
    else
        snprintf(target, sizeof target, "127.0.0.1:%d,127.0.0.1:%d", first, second);
    ck_assert_int_eq(rpc_client_new(&(struct rpc_client_options){.target = target}, &made), ST_OK);
    return made;
}

static void fresh_ctx(int64_t timeout_ms)
{
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, timeout_ms);
}

static void set_up(void)
{
    fresh_ctx(10000);
    atomic_store(&waiting, 0);
    server = start_server(4, 6);
    client = connect_to(rpc_server_port(server), 0);
}

static void tear_down(void)
{
    rpc_client_free(&client);
    rpc_server_stop(&server, 0, 5000);
}

static enum status call_echo(struct ctx *at, const char *text, int64_t number,
                             EchoResponse **ret_response)
{
    EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
    request.text = arena_strdup(at->arena, text);
    request.number = number;
    return rpc_call(at, client, &echo_type, &request.base, ret_response);
}

static void wait_for(_Atomic int *value, int wanted)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    for (int i = 0; i < 10000 && atomic_load(value) < wanted; i++)
        nanosleep(&moment, NULL);
    ck_assert_int_ge(atomic_load(value), wanted);
}

START_TEST(a_call_carries_message_trace_and_deadline)
{
    EchoResponse *response = NULL;
    ck_assert_int_eq(call_echo(&ctx, "좌석", INT64_MIN, &response), ST_OK);
    ck_assert_str_eq(response->text, "좌석");
    ck_assert_int_eq(response->number, INT64_MIN);
    ck_assert_str_eq(seen_trace, ctx.trace_id);
    ck_assert_int_gt(seen_left_ms, 0);
    ck_assert_int_le(seen_left_ms, 10000);
}
END_TEST

START_TEST(a_refusal_brings_its_code_notes_and_violations_but_no_detail)
{
    EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
    EchoResponse *response = NULL;
    ck_assert_int_eq(rpc_call(&ctx, client, &refuse_type, &request.base, &response),
                     ST_NOT_YOUR_TURN);
    ck_assert_str_eq(ctx_find_note(&ctx, "position"), "17");
    ck_assert_uint_eq(ctx.violation_count, 1);
    ck_assert_str_eq(ctx.violations[0].pointer, "/seat_no");
    ck_assert_str_eq(ctx.violations[0].description, "must be 1 to 50");
    ck_assert_ptr_null(strstr(ctx.detail, "secret"));
}
END_TEST

START_TEST(an_unknown_method_is_unimplemented_at_once)
{
    static const struct rpc_call_type unknown = {"/test.v1.EchoService/Nothing",
                                                 &test__v1__echo_response__descriptor};
    EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
    EchoResponse *response = NULL;
    ck_assert_int_eq(rpc_call(&ctx, client, &unknown, &request.base, &response), ST_UNIMPLEMENTED);
    ck_assert(!ctx_is_over(&ctx));
}
END_TEST

START_TEST(a_request_may_have_64_kib_and_not_a_byte_more)
{
    static char text[RPC_MESSAGE_MAX + 1];
    EchoResponse *response = NULL;
    memset(text, 'x', sizeof text - 1);
    text[RPC_MESSAGE_MAX - 4] = '\0'; /* tag and a length of three bytes come on top */
    ck_assert_int_eq(call_echo(&ctx, text, 0, &response), ST_OK);
    ck_assert_uint_eq(strlen(response->text), RPC_MESSAGE_MAX - 4);
    text[RPC_MESSAGE_MAX - 4] = 'x';
    text[RPC_MESSAGE_MAX - 3] = '\0';
    ck_assert_int_eq(call_echo(&ctx, text, 0, &response), ST_OVERLOADED);
}
END_TEST

START_TEST(text_that_is_no_utf8_is_invalid)
{
    EchoResponse *response = NULL;
    ck_assert_int_eq(call_echo(&ctx, "\xff", 0, &response), ST_INVALID_REQUEST);
}
END_TEST

START_TEST(a_deadline_ends_the_wait_on_both_sides)
{
    EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
    EchoResponse *response = NULL;
    pthread_mutex_lock(&gate);
    fresh_ctx(100);
    ck_assert_int_eq(rpc_call(&ctx, client, &wait_type, &request.base, &response), ST_TIMEOUT);
    ctx_forgive(&ctx);
    ck_assert_int_eq(rpc_call(&ctx, client, &wait_type, &request.base, &response), ST_TIMEOUT);
    ck_assert_int_eq(atomic_load(&waiting), 1); /* the second was over before it was sent */
    pthread_mutex_unlock(&gate);
}
END_TEST

static void *call_wait(void *self)
{
    enum status *status = self;
    unsigned char memory[32768];
    struct arena own;
    struct ctx at;
    EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
    EchoResponse *response = NULL;
    arena_init(&own, memory, sizeof memory);
    ctx_init(&at, &own);
    ctx_set_timeout_ms(&at, 20000);
    *status = rpc_call(&at, client, &wait_type, &request.base, &response);
    return NULL;
}

START_TEST(beyond_the_in_flight_limit_calls_are_refused_at_once_and_the_others_end_well)
{
    enum status statuses[6];
    pthread_t threads[6];
    EchoResponse *response = NULL;
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 6; i++)
        pthread_create(&threads[i], NULL, call_wait, &statuses[i]);
    wait_for(&waiting, 4);
    /* Four run and two queue once the limit bites; until then this one queues as well and times
     * out. */
    enum status status = ST_OK;
    for (int i = 0; i < 1000 && status != ST_OVERLOADED; i++) {
        fresh_ctx(20);
        status = call_echo(&ctx, "", 0, &response);
    }
    ck_assert_int_eq(status, ST_OVERLOADED);
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(statuses[i], ST_OK);
    }
}
END_TEST

struct watcher {
    _Atomic int messages, ended;
    _Atomic int64_t newest;
    enum status status;
};

static void on_message(void *self, const ProtobufCMessage *message)
{
    struct watcher *watcher = self;
    atomic_store(&watcher->newest, ((const EchoResponse *)message)->number);
    atomic_fetch_add(&watcher->messages, 1);
}

static void on_end(void *self, enum status status)
{
    struct watcher *watcher = self;
    watcher->status = status;
    atomic_fetch_add(&watcher->ended, 1);
}

static struct rpc_subscription *subscribe(int64_t number, struct watcher *watcher)
{
    EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
    struct rpc_subscription *subscription = NULL;
    request.number = number;
    ck_assert_int_eq(rpc_subscribe(&ctx, client, &count_type, &request.base, on_message, on_end,
                                   watcher, &subscription),
                     ST_OK);
    return subscription;
}

START_TEST(a_stream_brings_the_newest_and_ends_with_its_status)
{
    struct watcher watcher = {0};
    const struct timespec moment = {.tv_nsec = 1000000};
    struct rpc_subscription *subscription = subscribe(1000, &watcher);
    for (int i = 0; i < 10000 && atomic_load(&watcher.newest) != 1000; i++)
        nanosleep(&moment, NULL);
    ck_assert_int_eq(atomic_load(&watcher.newest), 1000);
    ck_assert_int_le(atomic_load(&watcher.messages), 1000);
    rpc_stream_finish(open_stream, ST_QUEUE_NOT_FOUND);
    rpc_stream_release(&open_stream);
    wait_for(&watcher.ended, 1);
    ck_assert_int_eq(watcher.status, ST_QUEUE_NOT_FOUND);
    rpc_unsubscribe(&subscription);
    ck_assert_int_eq(atomic_load(&watcher.ended), 1);
}
END_TEST

START_TEST(a_stream_is_pushed_while_calls_wait)
{
    enum status statuses[3];
    pthread_t threads[3];
    struct watcher watcher = {0};
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, call_wait, &statuses[i]);
    wait_for(&waiting, 3);
    struct rpc_subscription *subscription = subscribe(1, &watcher);
    wait_for(&watcher.messages, 1);
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(statuses[i], ST_OK);
    }
    rpc_unsubscribe(&subscription);
    rpc_stream_release(&open_stream);
}
END_TEST

static void *call_many(void *self)
{
    enum { CALLS = 200 };
    int *good = self;
    unsigned char memory[32768];
    struct arena own;
    struct ctx at;
    arena_init(&own, memory, sizeof memory);
    for (int i = 0; i < CALLS; i++) {
        EchoResponse *response = NULL;
        arena_reset(&own);
        ctx_init(&at, &own);
        ctx_set_timeout_ms(&at, 20000);
        const enum status status = call_echo(&at, "mine", (int64_t)(uintptr_t)self + i, &response);
        *good += status == ST_OK && response->number == (int64_t)(uintptr_t)self + i;
    }
    return NULL;
}

/* Waiters pass from caller to caller; nobody gets another one's answer. */
START_TEST(callers_at_once_get_their_own_answers)
{
    int good[6] = {0};
    pthread_t threads[6];
    for (int i = 0; i < 6; i++)
        pthread_create(&threads[i], NULL, call_many, &good[i]);
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(good[i], 200);
    }
}
END_TEST

START_TEST(a_reader_that_goes_away_is_noticed)
{
    struct watcher watcher = {0};
    const struct timespec moment = {.tv_nsec = 1000000};
    struct rpc_subscription *subscription = subscribe(1, &watcher);
    wait_for(&watcher.messages, 1);
    rpc_unsubscribe(&subscription);
    ck_assert_int_eq(watcher.status, ST_CANCELLED);
    for (int i = 0; i < 10000 && !rpc_stream_is_over(open_stream); i++)
        nanosleep(&moment, NULL);
    EchoResponse response = TEST__V1__ECHO_RESPONSE__INIT;
    ck_assert(!rpc_stream_send(open_stream, &response.base));
    rpc_stream_release(&open_stream);
}
END_TEST

START_TEST(a_stream_that_is_refused_ends_with_the_refusal)
{
    struct watcher watcher = {0};
    struct rpc_subscription *subscription = subscribe(-1, &watcher);
    wait_for(&watcher.ended, 1);
    ck_assert_int_eq(watcher.status, ST_TOKEN_EXPIRED);
    ck_assert_int_eq(atomic_load(&watcher.messages), 0);
    rpc_unsubscribe(&subscription);
}
END_TEST

static int health(char *name)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    Grpc__Health__V1__HealthCheckResponse *response = NULL;
    request.service = name;
    ctx_forgive(&ctx);
    return rpc_call(&ctx, client, &check_type, &request.base, &response) == ST_OK
               ? (int)response->status
               : -1;
}

START_TEST(health_follows_what_the_server_is_told)
{
    char all[] = "", mine[] = "test.v1.EchoService", none[] = "no.such.Service";
    ck_assert_int_eq(health(all),
                     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING);
    rpc_server_set_serving(server, true);
    ck_assert_int_eq(health(all), GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING);
    ck_assert_int_eq(health(mine),
                     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING);
    ck_assert_int_eq(health(none), -1);
}
END_TEST

START_TEST(two_servers_share_the_calls_and_one_may_die)
{
    struct rpc_server *second = start_server(4, 64);
    EchoResponse *response = NULL;
    rpc_client_free(&client);
    client = connect_to(rpc_server_port(server), rpc_server_port(second));
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(call_echo(&ctx, "", i, &response), ST_OK);
    rpc_server_stop(&second, 0, 1000);
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(call_echo(&ctx, "", i, &response), ST_OK);
}
END_TEST

START_TEST(a_stop_lets_what_runs_finish)
{
    enum status status = ST_COUNT;
    pthread_t thread;
    pthread_mutex_lock(&gate);
    pthread_create(&thread, NULL, call_wait, &status);
    wait_for(&waiting, 1);
    struct rpc_server *stopping = server;
    pthread_mutex_unlock(&gate);
    rpc_server_stop(&stopping, 0, 10000);
    server = NULL;
    pthread_join(thread, NULL);
    ck_assert_int_eq(status, ST_OK);
    EchoResponse *response = NULL;
    ck_assert_int_eq(call_echo(&ctx, "", 0, &response), ST_UNAVAILABLE);
}
END_TEST

int main(void)
{
    log_init("test", LOG_ERROR);
    TCase *cases = tcase_create("rpc");
    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, a_call_carries_message_trace_and_deadline);
    tcase_add_test(cases, a_refusal_brings_its_code_notes_and_violations_but_no_detail);
    tcase_add_test(cases, an_unknown_method_is_unimplemented_at_once);
    tcase_add_test(cases, a_request_may_have_64_kib_and_not_a_byte_more);
    tcase_add_test(cases, text_that_is_no_utf8_is_invalid);
    tcase_add_test(cases, a_deadline_ends_the_wait_on_both_sides);
    tcase_add_test(cases,
                   beyond_the_in_flight_limit_calls_are_refused_at_once_and_the_others_end_well);
    tcase_add_test(cases, a_stream_brings_the_newest_and_ends_with_its_status);
    tcase_add_test(cases, a_stream_is_pushed_while_calls_wait);
    tcase_add_test(cases, callers_at_once_get_their_own_answers);
    tcase_add_test(cases, a_reader_that_goes_away_is_noticed);
    tcase_add_test(cases, a_stream_that_is_refused_ends_with_the_refusal);
    tcase_add_test(cases, health_follows_what_the_server_is_told);
    tcase_add_test(cases, two_servers_share_the_calls_and_one_may_die);
    tcase_add_test(cases, a_stop_lets_what_runs_finish);
    Suite *suite = suite_create("rpc");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
