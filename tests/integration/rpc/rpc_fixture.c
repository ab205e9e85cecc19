#include "rpc_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log/log.h"

enum { ARENA_SIZE = 4 * 1024 * 1024 };

extern const unsigned char test_echo_descriptors[];
extern const size_t test_echo_descriptors_size;

#define TYPE(name, method)                                                                         \
    const struct rpc_call_type name = {"/test.v1.EchoService/" method,                             \
                                       &test__v1__echo_response__descriptor}
TYPE(echo_type, "Echo");
TYPE(refuse_type, "Refuse");
TYPE(wait_type, "Wait");
TYPE(count_type, "Count");
TYPE(relay_type, "Relay");
TYPE(large_type, "Large");

pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
_Atomic int waiting;
_Atomic int64_t echoed;
char seen_trace[33], seen_parent[17];
int64_t seen_left_ms;
static _Atomic(struct rpc_stream *) open_stream;
static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;
_Atomic int64_t server_calls[ECHO_SERVERS_MAX];

struct rpc_server *server;
struct rpc_client *client;
struct ctx ctx;

static unsigned char block[ARENA_SIZE];
static struct arena arena;

/* --- handlers --- */

static enum status echo(struct ctx *at, void *self, const void *in, void *out)
{
    const EchoRequest *request = in;
    EchoResponse *response = out;
    atomic_fetch_add((_Atomic int64_t *)self, 1);
    if (request->number != ECHO_QUIETLY) {
        pthread_mutex_lock(&seen_lock);
        snprintf(seen_trace, sizeof seen_trace, "%s", at->trace_id);
        snprintf(seen_parent, sizeof seen_parent, "%s", at->parent_span);
        seen_left_ms = ctx_remaining_ms(at);
        pthread_mutex_unlock(&seen_lock);
    }
    response->text = request->text;
    response->number = request->number;
    atomic_fetch_add(&echoed, 1);
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

/* Asks on, as one service asks another; what it asks is refused when the number is below zero. */
static enum status relay(struct ctx *at, void *self, const void *in, void *out)
{
    EchoResponse *response = out, *theirs = NULL;
    (void)self;
    const bool refused = ((const EchoRequest *)in)->number < 0;
    TRY(rpc_call(at, client, refused ? &refuse_type : &echo_type, in, &theirs));
    response->text = theirs->text;
    response->number = theirs->number;
    return ST_OK;
}

/* As many bytes of text as the number says. */
static enum status large(struct ctx *at, void *self, const void *in, void *out)
{
    const EchoRequest *request = in;
    EchoResponse *response = out;
    (void)self;
    response->text = arena_alloc(at->arena, (size_t)request->number + 1);
    if (response->text == NULL)
        return ctx_fail(at, ST_OVERLOADED, "arena full");
    memset(response->text, 'x', (size_t)request->number);
    response->text[request->number] = '\0';
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
    atomic_store(&open_stream, stream);
    return ST_OK;
}

#define METHOD(method, kind, handler)                                                              \
    {                                                                                              \
        .name = method, .input = &test__v1__echo_request__descriptor,                              \
        .output = &test__v1__echo_response__descriptor, .kind = handler                            \
    }
static const struct rpc_method methods[] = {
    METHOD("Echo", handle, echo),   METHOD("Refuse", handle, refuse),
    METHOD("Relay", handle, relay), METHOD("Wait", handle, wait_for_gate),
    METHOD("Large", handle, large), METHOD("Count", open, count),
};
static struct rpc_service services[ECHO_SERVERS_MAX];

/* --- servers and clients --- */

struct rpc_server *start_server(size_t index, const struct rpc_server_options *options)
{
    struct rpc_server *made = NULL;
    struct rpc_server_options all = *options;
    services[index] = (struct rpc_service){.name = "test.v1.EchoService",
                                           .methods = methods,
                                           .method_count = ARRAY_LEN(methods),
                                           .descriptors = test_echo_descriptors,
                                           .descriptors_size = test_echo_descriptors_size,
                                           .self = &server_calls[index]};
    all.listen = options->listen == NULL ? "127.0.0.1:0" : options->listen;
    all.services = &services[index];
    all.service_count = 1;
    ck_assert_int_eq(rpc_server_start(&all, &made), ST_OK);
    return made;
}

struct rpc_client *connect_to(const int ports[], size_t count_of_ports)
{
    char target[256];
    size_t used = 0;
    struct rpc_client *made = NULL;
    for (size_t i = 0; i < count_of_ports; i++)
        used += (size_t)snprintf(target + used, sizeof target - used, "%s127.0.0.1:%d",
                                 i == 0 ? "" : ",", ports[i]);
    ck_assert_int_eq(rpc_client_new(&(struct rpc_client_options){.target = target}, &made), ST_OK);
    return made;
}

void fresh_ctx(int64_t timeout_ms)
{
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, timeout_ms);
}

void set_up(void)
{
    fresh_ctx(10000);
    atomic_store(&waiting, 0);
    atomic_store(&echoed, 0);
    for (size_t i = 0; i < ECHO_SERVERS_MAX; i++)
        atomic_store(&server_calls[i], 0);
    server = start_server(0, &(struct rpc_server_options){.workers = TEST_WORKERS,
                                                          .in_flight_max = TEST_IN_FLIGHT_MAX});
    client = connect_to((int[]){rpc_server_port(server)}, 1);
}

void tear_down(void)
{
    rpc_client_free(&client);
    rpc_server_stop(&server, 0, 5000);
}

/* --- calls --- */

enum status call_echo(struct ctx *at, const char *text, int64_t number, EchoResponse **ret_response)
{
    EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
    request.text = arena_strdup(at->arena, text);
    request.number = number;
    return rpc_call(at, client, &echo_type, &request.base, ret_response);
}

void *call_wait(void *self)
{
    enum status *status = self;
    unsigned char memory[32768];
    struct arena own;
    struct ctx at;
    EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
    EchoResponse *response = NULL;
    arena_init(&own, memory, sizeof memory);
    ctx_init(&at, &own);
    ctx_set_timeout_ms(&at, 60000);
    *status = rpc_call(&at, client, &wait_type, &request.base, &response);
    return NULL;
}

void pause_ms(int ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

void wait_for(_Atomic int *value, int wanted)
{
    for (int i = 0; i < 30000 && atomic_load(value) < wanted; i++)
        pause_ms(1);
    ck_assert_int_ge(atomic_load(value), wanted);
}

void wait_for_calls(_Atomic int64_t *value, int64_t wanted)
{
    for (int i = 0; i < 30000 && atomic_load(value) < wanted; i++)
        pause_ms(1);
    ck_assert_int_ge(atomic_load(value), wanted);
}

/* --- load --- */

static void *call_on_and_on(void *self)
{
    struct load *load = self;
    unsigned char memory[16384];
    while (!atomic_load(&load->over)) {
        struct arena own;
        struct ctx at;
        EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
        EchoResponse *response = NULL;
        arena_init(&own, memory, sizeof memory);
        ctx_init(&at, &own);
        ctx_set_timeout_ms(&at, 30000);
        request.number = ECHO_QUIETLY;
        const enum status status = rpc_call(&at, client, &echo_type, &request.base, &response);
        if (status == ST_OK) {
            atomic_fetch_add(&load->answered, 1);
            continue;
        }
        int none = ST_OK;
        if (atomic_compare_exchange_strong(&load->first_failure, &none, (int)status))
            snprintf(load->first_detail, sizeof load->first_detail, "%s", at.detail);
        atomic_fetch_add(&load->failed, 1);
        pause_ms(1);
    }
    return NULL;
}

void load_begin(struct load *load)
{
    *load = (struct load){0};
    for (size_t i = 0; i < CALLERS; i++)
        ck_assert_int_eq(pthread_create(&load->threads[i], NULL, call_on_and_on, load), 0);
}

void load_end(struct load *load)
{
    atomic_store(&load->over, true);
    for (size_t i = 0; i < CALLERS; i++)
        pthread_join(load->threads[i], NULL);
}

/* --- streams --- */

struct rpc_stream *take_open_stream(void)
{
    struct rpc_stream *stream = NULL;
    for (int i = 0; i < 30000 && stream == NULL; i++) {
        stream = atomic_exchange(&open_stream, NULL);
        if (stream == NULL)
            pause_ms(1);
    }
    ck_assert_ptr_nonnull(stream);
    return stream;
}

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

struct rpc_subscription *subscribe(int64_t number, struct watcher *watcher)
{
    EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
    struct rpc_subscription *subscription = NULL;
    request.number = number;
    ck_assert_int_eq(rpc_subscribe(&ctx, client, &count_type, &request.base, on_message, on_end,
                                   watcher, &subscription),
                     ST_OK);
    return subscription;
}

/* --- the runner --- */

int run_tests(const char *name, SFun before, SFun after, const TTest *const tests[],
              size_t count_of_tests)
{
    log_init("test", LOG_ERROR);
    TCase *cases = tcase_create(name);
    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, before, after);
    for (size_t i = 0; i < count_of_tests; i++)
        tcase_add_test(cases, tests[i]);
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
