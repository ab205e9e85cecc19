/* Mutated and random bytes on the sockets of a running HTTP and a running gRPC server. Whatever
 * they make of it, others are served as before, and no descriptor is left behind. */
#include <arpa/inet.h>
#include <check.h>
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "http/json.h"
#include "http/server.h"
#include "rpc/client.h"
#include "rpc/server.h"
#include "rpc_echo.pb-c.h"

enum { ROUNDS = 600, WIRE_MAX = 4096, PATIENCE_MS = 20000, SILENCE_MS = 30, GOOD_EVERY = 50 };

static struct fuzz fuzz;

/* --- sockets --- */

static int connect_to(int port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Sends, and takes what is answered until the server closes or is silent for silence_ms. Mutated
 * bytes are followed by the end of what we send: a request that was cut off is waited for, for as
 * long as any slow sender (idle_timeout_ms). */
static size_t exchange(int port, const uint8_t *bytes, size_t size, int silence_ms, char *answer,
                       size_t capacity)
{
    const int fd = connect_to(port);
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    size_t used = 0;
    (void)!send(fd, bytes, size, MSG_NOSIGNAL);
    if (silence_ms == SILENCE_MS)
        shutdown(fd, SHUT_WR);
    while (used < capacity - 1 && poll(&readable, 1, silence_ms) == 1) {
        const ssize_t got = recv(fd, answer + used, capacity - 1 - used, 0);
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    answer[used] = '\0';
    close(fd);
    return used;
}

static size_t open_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static void await_descriptors(size_t wanted)
{
    const struct timespec moment = {.tv_nsec = 10 * 1000000L};
    for (int i = 0; i < PATIENCE_MS / 10 && open_descriptors() > wanted; i++)
        nanosleep(&moment, NULL);
    ck_assert_uint_le(open_descriptors(), wanted);
}

/* --- HTTP --- */

struct wish {
    int64_t amount;
    char text[33];
};

static enum status take_wish(struct ctx *ctx, void *self, const struct http_request *request,
                             struct http_response *response)
{
    static const struct http_member members[] = {
        {"amount", HTTP_INT, true, offsetof(struct wish, amount), 1, 1000},
        {"text", HTTP_TEXT, false, offsetof(struct wish, text), 0, 32},
    };
    struct wish wish = {0};
    (void)self;
    TRY(http_read_json(ctx, request, members, ARRAY_LEN(members), &wish));
    ck_assert(wish.amount >= 1 && wish.amount <= 1000);
    response->code = 204;
    return ST_OK;
}

static const struct http_route routes[] = {
    {.method = "POST", .pattern = "/v1/{name}", .handle = take_wish, .needs_json = true},
};

static const char *const requests[] = {
    "POST /v1/a%20b?x=1&y=%EC%95%84 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    "Content-Length: 32\r\n\r\n{\"amount\": 7, \"text\": \"\\uc544\\n\"}",
    "POST /v1/a HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    "Transfer-Encoding: chunked\r\n\r\ne\r\n{\"amount\": 12}\r\n0\r\n\r\n",
    "OPTIONS /v1/a HTTP/1.1\r\nHost: h\r\n\r\nGET /none HTTP/1.1\r\nHost: h\r\n\r\n",
};

static void ask_well(int port)
{
    static const char good[] =
        "POST /v1/a HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
        "Content-Length: 13\r\nConnection: close\r\n\r\n{\"amount\": 7}";
    char answer[4096];
    /* Its sender stays: who hangs up half-way may go without an answer. */
    exchange(port, (const uint8_t *)good, sizeof good - 1, PATIENCE_MS, answer, sizeof answer);
    ck_assert_msg(strncmp(answer, "HTTP/1.1 204 ", 13) == 0, "%s", answer);
}

START_TEST(http_answers_whatever_comes_and_goes_on)
{
    struct http_server *server = NULL;
    ck_assert_int_eq(http_server_start(&(struct http_server_options){.listen = "127.0.0.1:0",
                                                                     .routes = routes,
                                                                     .route_count = 1,
                                                                     .server_name = "fuzz",
                                                                     .idle_timeout_ms = 1000,
                                                                     .workers = 4},
                                       &server),
                     ST_OK);
    const int port = http_server_port(server);
    ask_well(port);
    const size_t before = open_descriptors();
    size_t refused = 0;
    for (size_t i = fuzz_rounds(ROUNDS); i > 0; i--) {
        uint8_t wire[WIRE_MAX];
        char answer[16384];
        const char *request = requests[fuzz_below(&fuzz, ARRAY_LEN(requests))];
        size_t size = strlen(request);
        memcpy(wire, request, size);
        size = fuzz_mutate(&fuzz, wire, size, sizeof wire);
        if (exchange(port, wire, size, SILENCE_MS, answer, sizeof answer) > 0) {
            const long code = strtol(answer + strlen("HTTP/1.1 "), NULL, 10);
            ck_assert_msg(strncmp(answer, "HTTP/1.", 7) == 0, "%s", answer);
            ck_assert_msg((code >= 200 && code < 500) || code == 501 || code == 505, "%s", answer);
            refused += code >= 400;
        }
        if (i % GOOD_EVERY == 0)
            ask_well(port);
    }
    ck_assert_uint_gt(refused, 0);
    await_descriptors(before);
    http_server_stop(&server, 0, 5000);
}
END_TEST

/* --- gRPC --- */

static enum status echo(struct ctx *ctx, void *self, const void *in, void *out)
{
    const Test__V1__EchoRequest *request = in;
    (void)ctx;
    (void)self;
    ((Test__V1__EchoResponse *)out)->number = request->number;
    return ST_OK;
}

static const struct rpc_method methods[] = {{.name = "Echo",
                                             .input = &test__v1__echo_request__descriptor,
                                             .output = &test__v1__echo_response__descriptor,
                                             .handle = echo}};
static const struct rpc_service service = {
    .name = "test.v1.EchoService", .methods = methods, .method_count = 1};

/* The connection preface (RFC 9113, 3.4), empty SETTINGS, a HEADERS frame that opens a stream, a
 * DATA frame with a gRPC message, PING and RST_STREAM. */
static const uint8_t conversation[] =
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    "\x00\x00\x05\x01\x04\x00\x00\x00\x01\x83\x86\x44\x01\x2f"
    "\x00\x00\x07\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x02\x10\x07"
    "\x00\x00\x08\x06\x00\x00\x00\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08"
    "\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x08";

static void call_well(struct rpc_client *client)
{
    static const struct rpc_call_type type = {"/test.v1.EchoService/Echo",
                                              &test__v1__echo_response__descriptor};
    static unsigned char block[65536];
    struct arena arena;
    struct ctx ctx;
    Test__V1__EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
    Test__V1__EchoResponse *response = NULL;
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, PATIENCE_MS);
    request.number = 42;
    ck_assert_int_eq(rpc_call(&ctx, client, &type, &request.base, &response), ST_OK);
    ck_assert_int_eq(response->number, 42);
}

START_TEST(grpc_goes_on_whatever_comes)
{
    struct rpc_server *server = NULL;
    struct rpc_client *client = NULL;
    char target[32];
    ck_assert_int_eq(rpc_server_start(&(struct rpc_server_options){.listen = "127.0.0.1:0",
                                                                   .services = &service,
                                                                   .service_count = 1,
                                                                   .workers = 2},
                                      &server),
                     ST_OK);
    const int port = rpc_server_port(server);
    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    ck_assert_int_eq(
        rpc_client_new(
            &(struct rpc_client_options){.target = target, .timeout_ms_max = PATIENCE_MS}, &client),
        ST_OK);
    call_well(client);
    const size_t before = open_descriptors();
    for (size_t i = fuzz_rounds(ROUNDS / 2); i > 0; i--) {
        uint8_t wire[WIRE_MAX];
        char answer[4096];
        size_t size = sizeof conversation - 1;
        memcpy(wire, conversation, size);
        size = fuzz_mutate(&fuzz, wire, size, sizeof wire);
        if (fuzz_below(&fuzz, 8) == 0)
            fuzz_bytes(&fuzz, wire, size);
        exchange(port, wire, size, SILENCE_MS, answer, sizeof answer);
        if (i % GOOD_EVERY == 0)
            call_well(client);
    }
    call_well(client);
    await_descriptors(before);
    rpc_client_free(&client);
    rpc_server_stop(&server, 0, 5000);
}
END_TEST

/* The thread sanitizer does not see what Debian's gRPC, built without it, puts in order. */
#ifdef __SANITIZE_THREAD__
static const bool can_see_grpc = false;
#else
static const bool can_see_grpc = true;
#endif

static void set_up(void)
{
    fuzz_init(&fuzz);
}

int main(void)
{
    TCase *cases = tcase_create("wire");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, set_up, NULL);
    tcase_add_test(cases, http_answers_whatever_comes_and_goes_on);
    if (can_see_grpc)
        tcase_add_test(cases, grpc_goes_on_whatever_comes);
    Suite *suite = suite_create("fuzz: wire");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
