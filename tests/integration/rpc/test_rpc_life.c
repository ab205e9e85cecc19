/* Servers that start, grow old, stop, die and fall silent under load, and clients of several. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "raw_client.h"
#include "rpc_fixture.h"
#include "support/relay.h"

enum { DRAIN_MS = 200, KEEPALIVE_MS = 500 };

static const struct rpc_server_options roomy = {.workers = 8, .in_flight_max = 256};

/* Instead of the fixture's server: several, and one client of all. */
static struct rpc_server *servers[ECHO_SERVERS_MAX];
static int ports[ECHO_SERVERS_MAX];

static void start_several(size_t count, const struct rpc_server_options *options)
{
    for (size_t i = 0; i < count; i++) {
        servers[i] = start_server(i, options);
        ports[i] = rpc_server_port(servers[i]);
    }
    rpc_client_free(&client);
    client = connect_to(ports, count);
}

static void stop_several(void)
{
    rpc_client_free(&client);
    for (size_t i = 0; i < ECHO_SERVERS_MAX; i++)
        rpc_server_stop(&servers[i], 0, 5000);
}

static void start_again(size_t index)
{
    char listen[64];
    struct rpc_server_options options = roomy;
    snprintf(listen, sizeof listen, "127.0.0.1:%d", ports[index]);
    options.listen = listen;
    servers[index] = start_server(index, &options);
}

static void call_until_it_serves(void)
{
    EchoResponse *response = NULL;
    enum status status = ST_UNAVAILABLE;
    fresh_ctx(30000);
    while (status == ST_UNAVAILABLE && !ctx_is_over(&ctx)) {
        ctx_forgive(&ctx);
        status = call_echo(&ctx, "", 1, &response);
        pause_ms(1);
    }
    ck_assert_int_eq(status, ST_OK);
}

/* Until calls go to both of two. */
static void wait_for_both(void)
{
    EchoResponse *response = NULL;
    for (size_t i = 0; i < 2; i++) {
        const int64_t before = atomic_load(&server_calls[i]);
        fresh_ctx(30000);
        while (atomic_load(&server_calls[i]) == before && !ctx_is_over(&ctx))
            ck_assert_int_eq(call_echo(&ctx, "", 1, &response), ST_OK);
    }
}

static void check_no_failure(struct load *load)
{
    ck_assert_msg(load->failed == 0, "%ld of %ld failed, %ld were handled, the first by %s: %s",
                  (long)load->failed, (long)(load->failed + load->answered),
                  (long)atomic_load(&echoed), status_name((enum status)load->first_failure),
                  load->first_detail);
}

/* --- several addresses --- */

START_TEST(calls_go_round_over_all_addresses)
{
    EchoResponse *response = NULL;
    start_several(3, &roomy);
    for (int i = 0; i < 3; i++) {
        while (atomic_load(&server_calls[i]) == 0 && !ctx_is_over(&ctx))
            ck_assert_int_eq(call_echo(&ctx, "", 1, &response), ST_OK);
    }
    int64_t before[3];
    for (int i = 0; i < 3; i++)
        before[i] = atomic_load(&server_calls[i]);
    for (int i = 0; i < 30; i++)
        ck_assert_int_eq(call_echo(&ctx, "", 1, &response), ST_OK);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(atomic_load(&server_calls[i]) - before[i], 10);
    stop_several();
}
END_TEST

START_TEST(an_address_where_nobody_listens_is_passed_over)
{
    EchoResponse *response = NULL;
    start_several(2, &roomy);
    rpc_server_stop(&servers[1], 0, 1000);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(call_echo(&ctx, "", i, &response), ST_OK);
    start_again(1);
    const int64_t before = atomic_load(&server_calls[1]);
    while (atomic_load(&server_calls[1]) == before && !ctx_is_over(&ctx))
        ck_assert_int_eq(call_echo(&ctx, "", 1, &response), ST_OK);
    ck_assert_int_gt(atomic_load(&server_calls[1]), before);
    stop_several();
}
END_TEST

START_TEST(names_of_hosts_are_looked_up)
{
    char target[64];
    EchoResponse *response = NULL;
    rpc_client_free(&client);
    snprintf(target, sizeof target, "localhost:%d", rpc_server_port(server));
    ck_assert_int_eq(rpc_client_new(&(struct rpc_client_options){.target = target}, &client),
                     ST_OK);
    ck_assert_int_eq(call_echo(&ctx, "", 1, &response), ST_OK);
    rpc_client_free(&client);
    ck_assert_int_eq(rpc_client_new(&(struct rpc_client_options){.target = ""}, &client),
                     ST_INVALID_REQUEST);
    ck_assert_int_eq(
        rpc_client_new(&(struct rpc_client_options){.target = "host.invalid:1"}, &client), ST_OK);
    fresh_ctx(3000);
    const enum status status = call_echo(&ctx, "", 1, &response);
    ck_assert(status == ST_UNAVAILABLE || status == ST_TIMEOUT);
}
END_TEST

START_TEST(nobody_there_is_unavailable_long_before_the_deadline_and_found_when_it_comes)
{
    EchoResponse *response = NULL;
    start_several(1, &roomy);
    rpc_server_stop(&servers[0], 0, 1000);
    fresh_ctx(60000);
    ck_assert_int_eq(call_echo(&ctx, "", 1, &response), ST_UNAVAILABLE);
    ck_assert_int_gt(ctx_remaining_ms(&ctx), 30000);
    start_again(0);
    call_until_it_serves();
    stop_several();
}
END_TEST

START_TEST(an_address_that_is_taken_is_a_failure_to_start)
{
    char listen[64];
    struct rpc_server *second = NULL;
    snprintf(listen, sizeof listen, "127.0.0.1:%d", rpc_server_port(server));
    ck_assert_int_eq(rpc_server_start(&(struct rpc_server_options){.listen = listen}, &second),
                     ST_UNAVAILABLE);
    ck_assert_ptr_null(second);
}
END_TEST

/* --- stops --- */

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

static void *stop_soon(void *self)
{
    (void)self;
    rpc_server_stop(&server, 0, 50);
    return NULL;
}

START_TEST(a_stop_cancels_what_does_not_finish_in_time)
{
    enum status status = ST_COUNT;
    pthread_t caller, stopper;
    pthread_mutex_lock(&gate);
    pthread_create(&caller, NULL, call_wait, &status);
    wait_for(&waiting, 1);
    pthread_create(&stopper, NULL, stop_soon, NULL);
    pthread_join(caller, NULL); /* answered, while the handler is still at the gate */
    ck_assert_int_eq(status, ST_UNAVAILABLE);
    pthread_mutex_unlock(&gate);
    pthread_join(stopper, NULL);
    ck_assert_ptr_null(server);
}
END_TEST

START_TEST(an_open_reflection_call_ends_with_the_server)
{
    static const char *const paths[] = {
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"};
    struct raw_talk *talks[2];
    size_t size = 0;
    struct raw_client *raw = raw_client_new(rpc_server_port(server));
    for (size_t i = 0; i < 2; i++) {
        /* list_services, and nothing after it */
        talks[i] = raw_begin(
            raw, &(struct raw_request){.path = paths[i], .bytes = "\x3a\x00", .size = 2}, &size);
        ck_assert_uint_gt(size, 0);
    }
    const int64_t before_us = clock_monotonic_us();
    rpc_server_stop(&server, 0, 600000);
    ck_assert_int_lt(clock_monotonic_us() - before_us, 300 * 1000000L); /* did not wait it out */
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(raw_end(&talks[i]), RPC_CODE_UNAVAILABLE);
    raw_client_free(&raw);
}
END_TEST

START_TEST(a_rolling_restart_under_load_fails_no_call)
{
    struct load load;
    start_several(2, &roomy);
    load_begin(&load);
    for (size_t round = 0; round < 4; round++) {
        const size_t index = round % 2;
        const int64_t before = atomic_load(&load.answered);
        wait_for_calls(&load.answered, before + 300);
        rpc_server_stop(&servers[index], DRAIN_MS, 10000);
        start_again(index);
        /* The next goes when this one is found again, as in a rolling restart. */
        wait_for_calls(&server_calls[index], atomic_load(&server_calls[index]) + 100);
    }
    load_end(&load);
    check_no_failure(&load);
    ck_assert_int_eq(atomic_load(&load.answered), atomic_load(&echoed));
    stop_several();
}
END_TEST

static void *stop_first_slowly(void *self)
{
    rpc_server_stop(&servers[0], 800, 10000);
    atomic_store((_Atomic bool *)self, true);
    return NULL;
}

/* True when calls went to both, and then to the second alone while the first was still there. */
static bool is_left_in_time(void)
{
    _Atomic bool stopped = false;
    pthread_t stopper;
    EchoResponse *response = NULL;
    wait_for_both();
    pthread_create(&stopper, NULL, stop_first_slowly, &stopped);
    int with_it = 0, without_it = 0;
    while (without_it < 20) {
        const int64_t before = atomic_load(&server_calls[0]);
        fresh_ctx(10000);
        ck_assert_int_eq(call_echo(&ctx, "", 1, &response), ST_OK);
        without_it = atomic_load(&server_calls[0]) == before ? without_it + 1 : 0;
        with_it += without_it == 0;
    }
    const bool left = with_it > 0 && !atomic_load(&stopped);
    pthread_join(stopper, NULL);
    return left;
}

START_TEST(callers_leave_an_instance_before_it_stops)
{
    start_several(2, &roomy);
    bool left = is_left_in_time();
    for (int again = 0; !left && again < 10; again++) { /* a busy machine may be late */
        start_again(0);
        left = is_left_in_time();
    }
    ck_assert(left);
    stop_several();
}
END_TEST

START_TEST(a_lonely_server_that_stops_under_load_answers_all_that_it_took)
{
    struct load load;
    start_several(1, &roomy);
    load_begin(&load);
    wait_for_calls(&load.answered, 500);
    rpc_server_stop(&servers[0], 0, 10000);
    wait_for_calls(&load.failed, CALLERS);
    start_again(0);
    const int64_t before = atomic_load(&load.answered);
    wait_for_calls(&load.answered, before + 500);
    load_end(&load);
    ck_assert_int_eq(load.first_failure, ST_UNAVAILABLE);
    /* Nothing that was done went unanswered. */
    ck_assert_int_eq(atomic_load(&load.answered), atomic_load(&echoed));
    stop_several();
}
END_TEST

START_TEST(connections_that_grow_old_are_replaced_without_a_failed_call)
{
    struct load load;
    struct rpc_server_options options = roomy;
    options.max_connection_age_ms = 100;
    start_several(2, &options);
    load_begin(&load);
    pause_ms(1500); /* some fifteen connections a server */
    load_end(&load);
    check_no_failure(&load);
    ck_assert_int_gt(atomic_load(&load.answered), 100);
    stop_several();
}
END_TEST

/* --- silence --- */

START_TEST(a_peer_that_falls_silent_is_bounded_by_the_deadline)
{
    EchoResponse *response = NULL;
    struct support_relay *relay = support_relay_start(0, rpc_server_port(server));
    rpc_client_free(&client);
    client = connect_to((int[]){support_relay_port(relay)}, 1);
    ck_assert_int_eq(call_echo(&ctx, "", 1, &response), ST_OK);
    support_relay_set(relay, RELAY_FREEZE);
    fresh_ctx(200);
    ck_assert_int_eq(call_echo(&ctx, "", 2, &response), ST_TIMEOUT);
    support_relay_set(relay, RELAY_PASS);
    call_until_it_serves();

    /* Replies that are lost: the call happened, and nobody knows. */
    const int64_t before = atomic_load(&echoed);
    support_relay_set(relay, RELAY_DROP_REPLIES);
    fresh_ctx(300);
    ck_assert_int_eq(call_echo(&ctx, "", 3, &response), ST_TIMEOUT);
    wait_for_calls(&echoed, before + 1);
    support_relay_cut(relay);
    support_relay_set(relay, RELAY_PASS);
    call_until_it_serves();
    rpc_client_free(&client);
    support_relay_stop(&relay);
}
END_TEST

START_TEST(a_cut_connection_is_made_anew)
{
    EchoResponse *response = NULL;
    struct support_relay *relay = support_relay_start(0, rpc_server_port(server));
    rpc_client_free(&client);
    client = connect_to((int[]){support_relay_port(relay)}, 1);
    for (int i = 0; i < 5; i++) {
        call_until_it_serves();
        support_relay_cut(relay);
    }
    support_relay_set(relay, RELAY_TRICKLE);
    call_until_it_serves();
    support_relay_set(relay, RELAY_PASS);
    support_relay_delay(relay, 20);
    fresh_ctx(10000);
    ck_assert_int_eq(call_echo(&ctx, "late", 1, &response), ST_OK);
    rpc_client_free(&client);
    support_relay_stop(&relay);
}
END_TEST

START_TEST(a_stream_to_a_peer_that_falls_silent_ends_by_keepalive)
{
    char target[64];
    struct watcher watcher = {0};
    struct rpc_server_options options = roomy;
    options.ping_interval_min_ms = KEEPALIVE_MS / 2;
    start_several(1, &options);
    struct support_relay *relay = support_relay_start(0, ports[0]);
    snprintf(target, sizeof target, "127.0.0.1:%d", support_relay_port(relay));
    rpc_client_free(&client);
    ck_assert_int_eq(
        rpc_client_new(&(struct rpc_client_options){.target = target, .keepalive_ms = KEEPALIVE_MS},
                       &client),
        ST_OK);
    struct rpc_subscription *subscription = subscribe(1, &watcher);
    wait_for(&watcher.messages, 1);
    /* Many times asked, on a stream on which nothing is said. */
    pause_ms(8 * KEEPALIVE_MS);
    ck_assert_int_eq(atomic_load(&watcher.ended), 0);
    support_relay_set(relay, RELAY_FREEZE);
    for (int i = 0; i < 30000 && atomic_load(&watcher.ended) == 0; i++)
        pause_ms(1);
    const int ended = atomic_load(&watcher.ended);
    support_relay_cut(relay); /* so that a failing test ends as well */
    ck_assert_int_eq(ended, 1);
    ck_assert_int_eq(watcher.status, ST_UNAVAILABLE);
    rpc_unsubscribe(&subscription);
    struct rpc_stream *stream = take_open_stream();
    rpc_stream_release(&stream);
    stop_several();
    support_relay_stop(&relay);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        calls_go_round_over_all_addresses,
        an_address_where_nobody_listens_is_passed_over,
        names_of_hosts_are_looked_up,
        nobody_there_is_unavailable_long_before_the_deadline_and_found_when_it_comes,
        an_address_that_is_taken_is_a_failure_to_start,
        a_stop_lets_what_runs_finish,
        a_stop_cancels_what_does_not_finish_in_time,
        an_open_reflection_call_ends_with_the_server,
        a_rolling_restart_under_load_fails_no_call,
        callers_leave_an_instance_before_it_stops,
        a_lonely_server_that_stops_under_load_answers_all_that_it_took,
        connections_that_grow_old_are_replaced_without_a_failed_call,
        a_peer_that_falls_silent_is_bounded_by_the_deadline,
        a_cut_connection_is_made_anew,
        a_stream_to_a_peer_that_falls_silent_ends_by_keepalive,
    };
    return run_tests("rpc_life", set_up, tear_down, tests, ARRAY_LEN(tests));
}
