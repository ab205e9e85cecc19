/* What a server refuses, and that others do not feel it: sizes, floods, garbage, too much at once.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "raw_client.h"
#include "rpc/message.h"
#include "rpc_fixture.h"

#define ECHO "/test.v1.EchoService/Echo"

enum {
    FLOOD_TAG = 15 << 3, /* field 15, a varint: unknown to every message here */
    FLOODS = 1000,
    GROWTH_MAX_KIB = 48 * 1024,
};

static struct raw_client *raw;

static void raw_set_up(void)
{
    set_up();
    raw = raw_client_new(rpc_server_port(server));
}

static void raw_tear_down(void)
{
    raw_client_free(&raw);
    tear_down();
}

static enum status_rpc_code send_bytes(const void *bytes, size_t size)
{
    return raw_call(raw,
                    &(struct raw_request){
                        .path = ECHO, .bytes = bytes, .size = size, .timeout_ms = 30000})
        .code;
}

static void check_that_it_serves(void)
{
    EchoResponse *response = NULL;
    fresh_ctx(10000);
    ck_assert_int_eq(call_echo(&ctx, "still here", 1, &response), ST_OK);
}

/* --- sizes --- */

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
    check_that_it_serves();
}
END_TEST

START_TEST(a_response_that_is_too_large_is_refused_here)
{
    EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
    EchoResponse *response = NULL;
    request.number = 900 * 1024;
    ck_assert_int_eq(rpc_call(&ctx, client, &large_type, &request.base, &response), ST_OK);
    ck_assert_uint_eq(strlen(response->text), 900 * 1024);
    request.number = RPC_RESPONSE_MAX;
    ck_assert_int_eq(rpc_call(&ctx, client, &large_type, &request.base, &response), ST_OVERLOADED);
    check_that_it_serves();
}
END_TEST

START_TEST(metadata_may_have_8_kib_and_not_much_more)
{
    static char value[2 * RPC_METADATA_MAX + 1];
    struct raw_request request = {.path = ECHO, .key = "x-much", .value = value};
    request.timeout_ms = 30000;
    memset(value, 'v', RPC_METADATA_MAX - 1024);
    ck_assert_int_eq(raw_call(raw, &request).code, RPC_CODE_OK);
    memset(value, 'v', RPC_METADATA_MAX);
    ck_assert_int_eq(raw_call(raw, &request).code, RPC_CODE_RESOURCE_EXHAUSTED);
    memset(value, 'v', sizeof value - 1); /* so much that the connection is given up */
    ck_assert_int_ne(raw_call(raw, &request).code, RPC_CODE_OK);
    ck_assert_int_eq(atomic_load(&echoed), 1);
    check_that_it_serves();
}
END_TEST

/* --- messages --- */

START_TEST(text_that_is_no_utf8_is_invalid)
{
    EchoResponse *response = NULL;
    ck_assert_int_eq(call_echo(&ctx, "\xff", 0, &response), ST_INVALID_REQUEST);
}
END_TEST

START_TEST(an_empty_message_has_every_default)
{
    const struct raw_answer answer =
        raw_call(raw, &(struct raw_request){.path = ECHO, .timeout_ms = 30000});
    ck_assert_int_eq(answer.code, RPC_CODE_OK);
    ck_assert_uint_eq(answer.size, 0);
}
END_TEST

START_TEST(what_is_no_message_is_invalid)
{
    static const struct {
        const char *name, *bytes;
        size_t size;
    } rows[] = {
        {"a tag and no value", "\x08", 1},
        {"a length without its bytes",
         "\x0a\x7f"
         "abc",
         5},
        {"a length beyond any", "\x0a\xff\xff\xff\xff\x0f", 6},
        {"a varint without an end", "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12},
        {"field number zero", "\x02\x00", 2},
        {"a group", "\x7b\x7c", 2},
        {"a wire type that is none", "\x0f\x01", 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg(send_bytes(rows[i].bytes, rows[i].size) == RPC_CODE_INVALID_ARGUMENT, "%s",
                      rows[i].name);
    ck_assert_int_eq(atomic_load(&echoed), 0);
    check_that_it_serves();
}
END_TEST

START_TEST(random_bytes_are_answered_and_harm_nobody)
{
    unsigned char bytes[512];
    unsigned state = 20261125;
    for (int round = 0; round < 2000; round++) {
        const size_t size = (size_t)(rand_r(&state) % (int)sizeof bytes);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (unsigned char)rand_r(&state);
        const enum status_rpc_code code = send_bytes(bytes, size);
        ck_assert_msg(code == RPC_CODE_OK || code == RPC_CODE_INVALID_ARGUMENT, "round %d: %d",
                      round, code);
    }
    check_that_it_serves();
}
END_TEST

/* --- floods --- */

static long resident_kib(void)
{
    char line[128];
    long kib = -1;
    FILE *file = fopen("/proc/self/status", "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    }
    fclose(file);
    return kib;
}

static void *send_floods(void *self)
{
    char flood[RPC_MESSAGE_MAX];
    _Atomic int *refused = self;
    memset(flood, 0, sizeof flood);
    for (size_t i = 0; i < sizeof flood; i += 2)
        flood[i] = FLOOD_TAG;
    for (int i = 0; i < FLOODS / 4; i++) {
        /* A place in flight is free a moment after its answer: four senders may find none. */
        const enum status_rpc_code code = send_bytes(flood, sizeof flood);
        if (code == RPC_CODE_INVALID_ARGUMENT || code == RPC_CODE_RESOURCE_EXHAUSTED)
            atomic_fetch_add(refused, 1);
    }
    return NULL;
}

static int flood_by_four(void)
{
    pthread_t threads[4];
    _Atomic int refused = 0;
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, send_floods, &refused);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    return atomic_load(&refused);
}

/* 32,768 unknown fields in 64 KiB would cost megabytes each time. */
START_TEST(a_flood_of_unknown_fields_is_refused_and_memory_stays_bounded)
{
    ck_assert_int_eq(flood_by_four(), FLOODS);
    const long before = resident_kib();
    ck_assert_int_eq(flood_by_four(), FLOODS);
    const long growth = resident_kib() - before;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)growth; /* they keep what was freed */
#else
    ck_assert_msg(growth < GROWTH_MAX_KIB, "%ld KiB more", growth);
#endif
    ck_assert_int_eq(atomic_load(&echoed), 0);
    check_that_it_serves();
}
END_TEST

START_TEST(unpacking_takes_nothing_but_the_arena)
{
    static uint8_t bytes[1000];
    static unsigned char small[8 * 1024];
    struct arena arena;
    struct ctx at;
    ProtobufCMessage *message = NULL;
    for (size_t i = 0; i < sizeof bytes; i += 2)
        bytes[i] = FLOOD_TAG;
    arena_init(&arena, small, sizeof small);
    ctx_init(&at, &arena);
    ck_assert_int_eq(
        rpc_unpack_bytes(&at, &test__v1__echo_request__descriptor, bytes, sizeof bytes, &message),
        ST_INVALID_REQUEST);
    ck_assert_ptr_null(message);
    ck_assert_uint_le(arena.used, sizeof small);
    arena_reset(&arena);
    ck_assert_int_eq(
        rpc_unpack_bytes(&at, &test__v1__echo_request__descriptor, bytes, 20, &message), ST_OK);
    ck_assert_ptr_nonnull(message);
}
END_TEST

/* --- too much at once --- */

static _Atomic int refusals;

static void *call_wait_and_count(void *self)
{
    call_wait(self);
    if (*(enum status *)self == ST_OVERLOADED)
        atomic_fetch_add(&refusals, 1);
    return NULL;
}

START_TEST(beyond_the_in_flight_limit_calls_are_refused_at_once_and_the_others_end_well)
{
    enum { CALLS = 20 };
    enum status statuses[CALLS];
    pthread_t threads[CALLS];
    int good = 0;
    atomic_store(&refusals, 0);
    pthread_mutex_lock(&gate);
    for (int i = 0; i < CALLS; i++)
        pthread_create(&threads[i], NULL, call_wait_and_count, &statuses[i]);
    /* While those that were taken still wait. */
    wait_for(&refusals, CALLS - TEST_IN_FLIGHT_MAX);
    ck_assert_int_eq(atomic_load(&waiting), TEST_WORKERS);
    /* Health needs no place and no worker: a caller who is new would not come in else. */
    ck_assert_int_eq(raw_call(raw, &(struct raw_request){.path = "/grpc.health.v1.Health/Check",
                                                         .timeout_ms = 30000})
                         .code,
                     RPC_CODE_OK);
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < CALLS; i++) {
        pthread_join(threads[i], NULL);
        good += statuses[i] == ST_OK;
    }
    ck_assert_int_eq(good, TEST_IN_FLIGHT_MAX);
    ck_assert_int_eq(atomic_load(&refusals), CALLS - TEST_IN_FLIGHT_MAX);
    check_that_it_serves();
}
END_TEST

START_TEST(an_unknown_method_is_unimplemented_at_once_even_when_every_worker_is_busy)
{
    static const struct rpc_call_type unknown = {"/test.v1.EchoService/Nothing",
                                                 &test__v1__echo_response__descriptor};
    static const struct rpc_call_type elsewhere = {"/no.such.Service/Echo",
                                                   &test__v1__echo_response__descriptor};
    enum status statuses[TEST_IN_FLIGHT_MAX];
    pthread_t threads[TEST_IN_FLIGHT_MAX];
    EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
    EchoResponse *response = NULL;
    pthread_mutex_lock(&gate);
    for (int i = 0; i < TEST_IN_FLIGHT_MAX; i++)
        pthread_create(&threads[i], NULL, call_wait, &statuses[i]);
    wait_for(&waiting, TEST_WORKERS);
    ck_assert_int_eq(rpc_call(&ctx, client, &unknown, &request.base, &response), ST_UNIMPLEMENTED);
    ck_assert_int_eq(rpc_call(&ctx, client, &elsewhere, &request.base, &response),
                     ST_UNIMPLEMENTED);
    ck_assert(!ctx_is_over(&ctx));
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < TEST_IN_FLIGHT_MAX; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

START_TEST(streams_beyond_the_limit_are_refused_until_one_ends)
{
    struct rpc_server *small = start_server(1, &(struct rpc_server_options){.streams_max = 2});
    struct watcher watchers[4] = {0};
    struct rpc_subscription *subscriptions[4];
    rpc_client_free(&client);
    client = connect_to((int[]){rpc_server_port(small)}, 1);
    struct rpc_stream *streams[2];
    for (int i = 0; i < 2; i++) {
        subscriptions[i] = subscribe(1, &watchers[i]);
        wait_for(&watchers[i].messages, 1);
        streams[i] = take_open_stream();
    }
    subscriptions[2] = subscribe(1, &watchers[2]);
    wait_for(&watchers[2].ended, 1);
    ck_assert_int_eq(watchers[2].status, ST_OVERLOADED);

    rpc_stream_release(&streams[0]);
    wait_for(&watchers[0].ended, 1);
    ck_assert_int_eq(watchers[0].status, ST_OK);
    /* Its place is free once the server has heard that the reader knows. */
    for (int i = 0; i < 1000 && atomic_load(&watchers[3].messages) == 0; i++) {
        watchers[3] = (struct watcher){0};
        subscriptions[3] = subscribe(1, &watchers[3]);
        while (atomic_load(&watchers[3].messages) + atomic_load(&watchers[3].ended) == 0)
            pause_ms(1);
        if (atomic_load(&watchers[3].messages) == 0)
            rpc_unsubscribe(&subscriptions[3]);
    }
    ck_assert_int_eq(atomic_load(&watchers[3].messages), 1);
    for (int i = 0; i < 4; i++)
        rpc_unsubscribe(&subscriptions[i]);
    rpc_stream_release(&streams[1]);
    streams[0] = take_open_stream();
    rpc_stream_release(&streams[0]);
    rpc_client_free(&client);
    rpc_server_stop(&small, 0, 5000);
}
END_TEST

START_TEST(a_call_without_a_deadline_gets_one)
{
    ck_assert_int_eq(raw_call(raw, &(struct raw_request){.path = ECHO}).code, RPC_CODE_OK);
    wait_for_calls(&echoed, 1);
    ck_assert_int_gt(seen_left_ms, 0);
    ck_assert_int_le(seen_left_ms, 30000);
}
END_TEST

/* --- what is no gRPC --- */

static int connect_socket(void)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)rpc_server_port(server)),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Until the server closes; false after half a minute. */
static bool is_closed_by_peer(int fd)
{
    char bytes[4096];
    struct pollfd event = {.fd = fd, .events = POLLIN};
    const int64_t until_us = clock_monotonic_us() + 30 * 1000000;
    while (clock_monotonic_us() < until_us) {
        if (poll(&event, 1, 100) > 0 && recv(fd, bytes, sizeof bytes, 0) <= 0)
            return true;
    }
    return false;
}

START_TEST(connections_that_speak_something_else_or_nothing_are_closed)
{
    static const char *const words[] = {
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    };
    const int silent = connect_socket();
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        const int fd = connect_socket();
        ck_assert_int_gt(send(fd, words[i], strlen(words[i]), MSG_NOSIGNAL), 0);
        ck_assert_msg(is_closed_by_peer(fd), "word %zu", i);
        close(fd);
        check_that_it_serves();
    }
    ck_assert(is_closed_by_peer(silent));
    close(silent);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        a_request_may_have_64_kib_and_not_a_byte_more,
        a_response_that_is_too_large_is_refused_here,
        metadata_may_have_8_kib_and_not_much_more,
        text_that_is_no_utf8_is_invalid,
        an_empty_message_has_every_default,
        what_is_no_message_is_invalid,
        random_bytes_are_answered_and_harm_nobody,
        a_flood_of_unknown_fields_is_refused_and_memory_stays_bounded,
        unpacking_takes_nothing_but_the_arena,
        beyond_the_in_flight_limit_calls_are_refused_at_once_and_the_others_end_well,
        an_unknown_method_is_unimplemented_at_once_even_when_every_worker_is_busy,
        streams_beyond_the_limit_are_refused_until_one_ends,
        a_call_without_a_deadline_gets_one,
        connections_that_speak_something_else_or_nothing_are_closed,
    };
    return run_tests("rpc_limits", raw_set_up, raw_tear_down, tests, ARRAY_LEN(tests));
}
