/* Limits, peers that misbehave, and the graceful stop, over real sockets. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "http_fixture.h"

enum { LARGE = 4 * 1024 * 1024, CLIENTS = 8 };

static _Atomic int running, gate_open;
static char *large;

static void pause_a_moment(void)
{
    const struct timespec moment = {.tv_nsec = 2000000};
    nanosleep(&moment, NULL);
}

static enum status live(struct ctx *ctx, void *self, const struct http_request *request,
                        struct http_response *response)
{
    (void)ctx;
    (void)self;
    (void)request;
    response->body = "{}";
    response->body_size = 2;
    return ST_OK;
}

static enum status measure(struct ctx *ctx, void *self, const struct http_request *request,
                           struct http_response *response)
{
    (void)self;
    size_t size;
    (void)http_body(request, &size);
    response->body = arena_printf(ctx->arena, "%zu", size);
    response->body_size = strlen(response->body);
    return ST_OK;
}

/* Waits for the test, or for its deadline. */
static enum status wait_for_gate(struct ctx *ctx, void *self, const struct http_request *request,
                                 struct http_response *response)
{
    atomic_fetch_add(&running, 1);
    while (!atomic_load(&gate_open) && !ctx_is_over(ctx))
        pause_a_moment();
    if (ctx_is_over(ctx))
        return ctx_fail(ctx, ST_TIMEOUT, "nobody opened");
    return live(ctx, self, request, response);
}

static enum status show_large(struct ctx *ctx, void *self, const struct http_request *request,
                              struct http_response *response)
{
    (void)ctx;
    (void)self;
    (void)request;
    response->body = large;
    response->body_size = LARGE;
    return ST_OK;
}

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/livez", .handle = live},
    {.method = "POST", .pattern = "/measure", .handle = measure},
    {.method = "GET", .pattern = "/gate", .handle = wait_for_gate},
    {.method = "GET", .pattern = "/large", .handle = show_large},
};

static struct http_server *start(struct http_server_options options)
{
    atomic_store(&running, 0);
    atomic_store(&gate_open, 0);
    options.routes = routes;
    options.route_count = ARRAY_LEN(routes);
    options.workers = options.workers == 0 ? 2 : options.workers;
    return fixture_start(options);
}

static void check_lives(const struct http_server *server)
{
    struct answer answer;
    fixture_get(server, "/livez", &answer);
    ck_assert_int_eq(answer.code, 200);
}

/* --- sizes --- */

START_TEST(a_body_has_a_largest_size)
{
    struct http_server *server = start((struct http_server_options){0});
    struct answer answer;
    char *body = calloc(1, HTTP_BODY_MAX + 2), size_text[16];
    memset(body, 'x', HTTP_BODY_MAX + 1);
    int fd = fixture_connect(server);
    ck_assert(fixture_say(fd, "POST /measure HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
                          HTTP_BODY_MAX));
    ck_assert(fixture_send(fd, body, HTTP_BODY_MAX));
    ck_assert(fixture_answer(fd, false, &answer));
    snprintf(size_text, sizeof size_text, "%d", HTTP_BODY_MAX);
    ck_assert_str_eq(answer.body, size_text);

    /* One more: refused by its head alone, and the connection closes. */
    ck_assert(fixture_say(fd, "POST /measure HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
                          HTTP_BODY_MAX + 1));
    ck_assert(fixture_answer(fd, false, &answer));
    ck_assert_int_eq(answer.code, 413);
    ck_assert(answer_says(&answer, "BODY_TOO_LARGE"));
    ck_assert(answer_has(&answer, "Connection: close"));
    ck_assert(fixture_is_closed(fd));
    close(fd);
    free(body);
    http_server_stop(&server, 0, 1000);
}
END_TEST

/* A chunked body of `chunks` of 1024 bytes; false when the server cut it off. */
static bool send_chunks(int fd, int chunks)
{
    char chunk[1024 + 16];
    const int head = snprintf(chunk, sizeof chunk, "400\r\n");
    memset(chunk + head, 'x', 1024);
    memcpy(chunk + head + 1024, "\r\n", 2);
    for (int i = 0; i < chunks; i++) {
        if (!fixture_send(fd, chunk, (size_t)head + 1026))
            return false;
    }
    return fixture_say(fd, "0\r\n\r\n");
}

START_TEST(a_body_of_unknown_size_has_the_same_limit)
{
    static const char head[] =
        "POST /measure HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    struct http_server *server = start((struct http_server_options){0});
    struct answer answer;
    int fd = fixture_connect(server);
    ck_assert(fixture_say(fd, head) && send_chunks(fd, HTTP_BODY_MAX / 1024));
    ck_assert(fixture_answer(fd, false, &answer));
    ck_assert_str_eq(answer.body, "16384");
    ck_assert(fixture_say(fd, head) && send_chunks(fd, HTTP_BODY_MAX / 1024 + 1));
    ck_assert(fixture_answer(fd, false, &answer));
    ck_assert_int_eq(answer.code, 413);
    ck_assert(fixture_is_closed(fd));
    close(fd);

    /* Ten MiB are not read to their end. */
    fd = fixture_connect(server);
    ck_assert(fixture_say(fd, head));
    (void)send_chunks(fd, 10 * 1024);
    ck_assert(!fixture_answer(fd, false, &answer));
    close(fd);
    check_lives(server);
    http_server_stop(&server, 0, 1000);
}
END_TEST

/* A request whose line and headers together have `size` bytes. */
static int ask_with_head(const struct http_server *server, size_t size, struct answer *ret_answer)
{
    const int fd = fixture_connect(server);
    char *head = malloc(size + 1);
    const size_t start =
        (size_t)snprintf(head, size + 1, "GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: ");
    memset(head + start, 'x', size - start);
    memcpy(head + size - 4, "\r\n\r\n", 5);
    ck_assert(fixture_send(fd, head, size));
    ck_assert(fixture_answer(fd, false, ret_answer));
    free(head);
    return fd;
}

START_TEST(the_head_has_a_largest_size)
{
    struct http_server *server = start((struct http_server_options){0});
    struct answer answer;
    close(ask_with_head(server, HTTP_HEADER_MAX, &answer));
    ck_assert_int_eq(answer.code, 200);
    int fd = ask_with_head(server, HTTP_HEADER_MAX + 1, &answer);
    ck_assert_int_eq(answer.code, 431);
    ck_assert(answer_says(&answer, "HEADER_TOO_LARGE"));
    ck_assert(fixture_is_closed(fd));
    close(fd);
    /* Far beyond, the answer is a bare one. */
    fd = ask_with_head(server, 8 * HTTP_HEADER_MAX, &answer);
    ck_assert_int_eq(answer.code, 431);
    close(fd);
    check_lives(server);
    http_server_stop(&server, 0, 1000);
}
END_TEST

START_TEST(the_path_has_a_largest_size)
{
    struct http_server *server = start((struct http_server_options){0});
    struct answer answer;
    char path[HTTP_PATH_MAX + 1] = "/";
    memset(path + 1, 'x', HTTP_PATH_MAX - 1);
    path[HTTP_PATH_MAX - 2] = '\0';
    fixture_get(server, path, &answer);
    ck_assert_int_eq(answer.code, 404);
    path[HTTP_PATH_MAX - 2] = 'x';
    path[HTTP_PATH_MAX - 1] = '\0';
    fixture_get(server, path, &answer);
    ck_assert_int_eq(answer.code, 431);
    http_server_stop(&server, 0, 1000);
}
END_TEST

START_TEST(nine_thousand_headers_are_refused)
{
    struct http_server *server = start((struct http_server_options){0});
    struct answer answer;
    const int fd = fixture_connect(server);
    bool sent = fixture_say(fd, "GET /livez HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < 9000 && sent; i++)
        sent = fixture_say(fd, "X-%d: %d\r\n", i, i);
    /* The answer may be lost in the reset that what was not read brings about. */
    if (fixture_answer(fd, false, &answer))
        ck_assert_int_eq(answer.code, 431);
    close(fd);
    check_lives(server);
    http_server_stop(&server, 0, 1000);
}
END_TEST

/* --- framing --- */

START_TEST(a_body_whose_end_is_in_doubt_is_refused_and_the_connection_closed)
{
    static const char *const heads[] = {
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
        "Content-Length: -1",
        "Content-Length: 1x",
        "Content-Length: 99999999999999999999",
    };
    struct http_server *server = start((struct http_server_options){0});
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        struct answer answer;
        const int fd = fixture_connect(server);
        /* What follows must never be taken for a request. */
        ck_assert(fixture_say(fd,
                              "POST /measure HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n0\r\n\r\n"
                              "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
                              heads[i]));
        if (fixture_answer(fd, false, &answer))
            ck_assert_msg(answer.code >= 400 && answer.code < 500, "%s: %d", heads[i], answer.code);
        ck_assert_msg(!fixture_answer(fd, false, &answer), "%s: a second answer", heads[i]);
        close(fd);
    }
    check_lives(server);
    http_server_stop(&server, 0, 1000);
}
END_TEST

START_TEST(what_is_no_http_is_refused)
{
    static const char *const texts[] = {
        "\x16\x03\x01\x02 tls\r\n\r\n", "GET\r\n\r\n",
        "GET /livez\r\n\r\n",           "GET /livez HTTP/1.1\r\nno colon\r\n\r\n",
        "GET /livez HTTP/1.1\r\n\r\n", /* no Host */
    };
    struct http_server *server = start((struct http_server_options){0});
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct answer answer;
        const int fd = fixture_connect(server);
        ck_assert(fixture_say(fd, "%s", texts[i]));
        shutdown(fd, SHUT_WR);
        if (fixture_answer(fd, false, &answer))
            ck_assert_msg(answer.code >= 400, "%s: %d", texts[i], answer.code);
        close(fd);
    }
    check_lives(server);
    http_server_stop(&server, 0, 1000);
}
END_TEST

/* --- slow peers --- */

START_TEST(slow_senders_are_closed_and_disturb_nobody)
{
    static const char *const beginnings[] = {
        "",
        "GET /live",
        "GET /livez HTTP/1.1\r\nHost: x\r\n",
        "POST /measure HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345",
    };
    struct http_server *server = start((struct http_server_options){.idle_timeout_ms = 1000});
    int fds[ARRAY_LEN(beginnings)];
    for (size_t i = 0; i < ARRAY_LEN(beginnings); i++) {
        fds[i] = fixture_connect(server);
        ck_assert(fixture_say(fds[i], "%s", beginnings[i]));
    }
    for (int i = 0; i < 20; i++)
        check_lives(server);
    for (size_t i = 0; i < ARRAY_LEN(beginnings); i++) {
        ck_assert(fixture_is_closed(fds[i]));
        close(fds[i]);
    }
    check_lives(server);
    http_server_stop(&server, 0, 1000);
}
END_TEST

START_TEST(a_slow_reader_disturbs_nobody_and_gets_it_all)
{
    struct http_server *server = start((struct http_server_options){.workers = 1, .threads = 1});
    large = malloc(LARGE);
    memset(large, 'x', LARGE);
    const int fd = fixture_connect(server);
    ck_assert(fixture_say(fd, "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    for (int i = 0; i < 20; i++)
        check_lives(server);
    char part[65536];
    size_t total = 0;
    for (ssize_t got; (got = recv(fd, part, sizeof part, 0)) > 0;)
        total += (size_t)got;
    ck_assert_uint_gt(total, LARGE);
    close(fd);
    http_server_stop(&server, 0, 1000);
    free(large);
}
END_TEST

/* --- load --- */

START_TEST(connections_beyond_the_limit_wait_until_one_goes)
{
    enum { LIMIT = 4 };
    struct http_server *server =
        start((struct http_server_options){.connections_max = LIMIT, .threads = 1});
    struct answer answer;
    int fds[LIMIT];
    for (int i = 0; i < LIMIT; i++) {
        fds[i] = fixture_connect(server);
        ck_assert(fixture_say(fds[i], "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
        ck_assert(fixture_answer(fds[i], false, &answer));
    }
    const int extra = fixture_connect(server);
    ck_assert(fixture_say(extra, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
    for (int i = 0; i < LIMIT; i++) {
        ck_assert(fixture_say(fds[i], "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
        ck_assert(fixture_answer(fds[i], false, &answer));
    }
    char byte;
    ck_assert_int_eq(recv(extra, &byte, 1, MSG_DONTWAIT), -1);
    close(fds[0]);
    ck_assert(fixture_answer(extra, false, &answer));
    ck_assert_int_eq(answer.code, 200);
    close(extra);
    for (int i = 1; i < LIMIT; i++)
        close(fds[i]);
    http_server_stop(&server, 0, 1000);
}
END_TEST

START_TEST(requests_beyond_the_limit_are_refused_at_once)
{
    enum { LIMIT = 3 };
    struct http_server *server =
        start((struct http_server_options){.workers = LIMIT, .in_flight_max = LIMIT});
    /* As the admin endpoint of a service: a server of its own. */
    struct http_server *admin = fixture_start((struct http_server_options){
        .routes = routes, .route_count = ARRAY_LEN(routes), .workers = 1});
    struct answer answer;
    int fds[LIMIT];
    for (int i = 0; i < LIMIT; i++) {
        fds[i] = fixture_connect(server);
        ck_assert(fixture_say(fds[i], "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n"));
    }
    fixture_wait_for(&running, LIMIT);
    for (int i = 0; i < 10; i++) {
        fixture_get(server, "/gate", &answer);
        ck_assert_int_eq(answer.code, 503);
        ck_assert(answer_says(&answer, "OVERLOADED"));
        ck_assert(answer_has(&answer, "Retry-After: 1"));
    }
    check_lives(admin);
    atomic_store(&gate_open, 1);
    for (int i = 0; i < LIMIT; i++) {
        ck_assert(fixture_answer(fds[i], false, &answer));
        ck_assert_int_eq(answer.code, 200);
        close(fds[i]);
    }
    ck_assert_int_eq(atomic_load(&running), LIMIT);
    http_server_stop(&server, 0, 1000);
    http_server_stop(&admin, 0, 1000);
}
END_TEST

START_TEST(a_deadline_is_answered_also_by_who_waited_for_a_worker)
{
    struct http_server *server =
        start((struct http_server_options){.workers = 1, .request_timeout_ms = 100});
    struct answer answer;
    int fds[2];
    for (int i = 0; i < 2; i++) {
        fds[i] = fixture_connect(server);
        ck_assert(fixture_say(fds[i], "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n"));
    }
    for (int i = 0; i < 2; i++) {
        ck_assert(fixture_answer(fds[i], false, &answer));
        ck_assert_int_eq(answer.code, 504);
        ck_assert(answer_says(&answer, "TIMEOUT"));
        close(fds[i]);
    }
    /* The second had no time left when a worker was free, so it was not begun. */
    ck_assert_int_eq(atomic_load(&running), 1);
    check_lives(server);
    http_server_stop(&server, 0, 1000);
}
END_TEST

/* --- stop --- */

static void *open_soon(void *self)
{
    (void)self;
    for (int i = 0; i < 20; i++)
        pause_a_moment();
    atomic_store(&gate_open, 1);
    return NULL;
}

START_TEST(what_was_begun_is_answered_before_the_server_stops)
{
    struct http_server *server = start((struct http_server_options){.workers = CLIENTS});
    struct answer answer;
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = fixture_connect(server);
        ck_assert(fixture_say(fds[i], "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n"));
    }
    fixture_wait_for(&running, CLIENTS);
    pthread_t opener;
    pthread_create(&opener, NULL, open_soon, NULL);
    http_server_stop(&server, 0, 20000);
    pthread_join(opener, NULL);
    ck_assert_ptr_null(server);
    for (int i = 0; i < CLIENTS; i++) {
        ck_assert(fixture_answer(fds[i], false, &answer));
        ck_assert_int_eq(answer.code, 200);
        ck_assert(answer_has(&answer, "Connection: close"));
        ck_assert(fixture_is_closed(fds[i]));
        close(fds[i]);
    }
}
END_TEST

struct client {
    pthread_t thread;
    int fd; /* one connection, as a keep-alive client has it */
    int answered;
};

/* Asks until it is told to go, or cut off between two requests. */
static void *ask_on(void *self)
{
    struct client *client = self;
    struct answer *answer = malloc(sizeof *answer);
    bool told = false;
    while (!told && fixture_say(client->fd, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n") &&
           fixture_answer(client->fd, false, answer)) {
        client->answered++;
        atomic_fetch_add(&running, 1);
        told = answer_has(answer, "Connection: close");
    }
    free(answer);
    return told ? client : NULL;
}

START_TEST(a_stop_under_load_tells_every_client_and_breaks_no_answer)
{
    struct http_server *server = start((struct http_server_options){.workers = CLIENTS});
    struct client clients[CLIENTS] = {0};
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].fd = fixture_connect(server);
        pthread_create(&clients[i].thread, NULL, ask_on, &clients[i]);
    }
    fixture_wait_for(&running, 50 * CLIENTS);
    /* Each asks again within the drain time, and its answer says to go. */
    http_server_stop(&server, 1500, 20000);
    for (int i = 0; i < CLIENTS; i++) {
        void *told = NULL;
        pthread_join(clients[i].thread, &told);
        ck_assert_ptr_nonnull(told);
        ck_assert_int_gt(clients[i].answered, 0);
        close(clients[i].fd);
    }
}
END_TEST

START_TEST(an_address_that_is_none_is_a_failure_to_start)
{
    struct http_server *server = start((struct http_server_options){0}), *second = NULL;
    static const char *const bad[] = {"", "127.0.0.1", "127.0.0.1:x", "nowhere:80",
                                      "127.0.0.1:65536"};
    struct http_server_options options = {
        .routes = routes, .route_count = ARRAY_LEN(routes), .server_name = "bad", .workers = 1};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        options.listen = bad[i];
        ck_assert_int_eq(http_server_start(&options, &second), ST_UNAVAILABLE);
    }
    /* Nor may two servers share a port, each with half of the connections. */
    char taken[32];
    snprintf(taken, sizeof taken, "127.0.0.1:%d", http_server_port(server));
    options.listen = taken;
    ck_assert_int_eq(http_server_start(&options, &second), ST_UNAVAILABLE);
    check_lives(server);
    http_server_stop(&server, 0, 1000);
    http_server_stop(&server, 0, 1000);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("limits");
    tcase_add_test(tcase, a_body_has_a_largest_size);
    tcase_add_test(tcase, a_body_of_unknown_size_has_the_same_limit);
    tcase_add_test(tcase, the_head_has_a_largest_size);
    tcase_add_test(tcase, the_path_has_a_largest_size);
    tcase_add_test(tcase, nine_thousand_headers_are_refused);
    tcase_add_test(tcase, a_body_whose_end_is_in_doubt_is_refused_and_the_connection_closed);
    tcase_add_test(tcase, what_is_no_http_is_refused);
    tcase_add_test(tcase, slow_senders_are_closed_and_disturb_nobody);
    tcase_add_test(tcase, a_slow_reader_disturbs_nobody_and_gets_it_all);
    tcase_add_test(tcase, connections_beyond_the_limit_wait_until_one_goes);
    tcase_add_test(tcase, requests_beyond_the_limit_are_refused_at_once);
    tcase_add_test(tcase, a_deadline_is_answered_also_by_who_waited_for_a_worker);
    tcase_add_test(tcase, what_was_begun_is_answered_before_the_server_stops);
    tcase_add_test(tcase, a_stop_under_load_tells_every_client_and_breaks_no_answer);
    tcase_add_test(tcase, an_address_that_is_none_is_a_failure_to_start);
    return fixture_run("http limits", tcase);
}
