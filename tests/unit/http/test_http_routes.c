/* Routes, parameters, headers and problems over real sockets. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/json.h"
#include "http_fixture.h"

static const char page[] = "{\"page\":true}";

static enum status show_page(struct ctx *ctx, void *self, const struct http_request *request,
                             struct http_response *response)
{
    (void)ctx;
    ck_assert_str_eq(self, "self");
    http_add_header(response, "ETag", "\"v1\"");
    http_add_header(response, "Cache-Control", "public, max-age=60");
    if (http_matches_etag(request, "\"v1\"")) {
        response->code = 304;
        return ST_OK;
    }
    response->body = page;
    response->body_size = sizeof page - 1;
    return ST_OK;
}

static enum status echo(struct ctx *ctx, void *self, const struct http_request *request,
                        struct http_response *response)
{
    (void)self;
    size_t size;
    const char *body = http_body(request, &size);
    response->body = arena_memdup(ctx->arena, body, size);
    response->body_size = size;
    response->content_type = "text/plain";
    return ST_OK;
}

static enum status show_item(struct ctx *ctx, void *self, const struct http_request *request,
                             struct http_response *response)
{
    static const char *const names[] = {"from", "through"};
    (void)self;
    TRY(http_check_query(ctx, request, names, ARRAY_LEN(names)));
    const char *from = http_query_param(request, "from");
    char *text = arena_printf(ctx->arena, "%s|%s", http_path_param(request, "name"),
                              from == NULL ? "(none)" : from);
    response->body = text;
    response->body_size = strlen(text);
    response->content_type = "text/plain";
    return ST_OK;
}

static enum status refuse(struct ctx *ctx, void *self, const struct http_request *request,
                          struct http_response *response)
{
    (void)self;
    (void)request;
    http_add_header(response, "RateLimit", "limit=1");
    response->body = page;
    response->body_size = sizeof page - 1;
    ctx_note(ctx, "retry_after", "7");
    ctx_note(ctx, "position", "17");
    return ctx_fail(ctx, ST_RATE_LIMITED, "secret detail");
}

static enum status remove_item(struct ctx *ctx, void *self, const struct http_request *request,
                               struct http_response *response)
{
    (void)ctx;
    (void)self;
    (void)request;
    response->code = 204;
    return ST_OK;
}

static void stamp(struct ctx *ctx, void *self, const struct http_request *request,
                  struct http_response *response)
{
    (void)ctx;
    ck_assert_str_eq(self, "self");
    ck_assert_ptr_nonnull(http_path(request));
    http_add_header(response, "X-Stamp", "seen");
}

static const struct http_header_line fixed[] = {
    {"Referrer-Policy", "no-referrer"},
    {"Cache-Control", "private"},
};

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/page", .handle = show_page},
    {.method = "POST", .pattern = "/echo", .handle = echo, .needs_json = true},
    {.method = "GET", .pattern = "/items/{name}", .handle = show_item},
    {.method = "DELETE", .pattern = "/items/{name}", .handle = remove_item},
    {.method = "GET", .pattern = "/refuse", .handle = refuse},
};

static struct http_server *server;
static struct answer answer;

static void setup(void)
{
    server = fixture_start((struct http_server_options){
        .routes = routes,
        .route_count = ARRAY_LEN(routes),
        .self = "self",
        .workers = 2,
        .headers = fixed,
        .header_count = ARRAY_LEN(fixed),
        .on_answer = stamp,
    });
}

static void teardown(void)
{
    http_server_stop(&server, 0, 1000);
}

START_TEST(a_route_is_found_by_path_and_method)
{
    static const struct {
        const char *path;
        int code;
    } rows[] = {
        {"/page", 200},       {"/page?x=1", 200},  {"/items/a", 200},        {"/", 404},
        {"/page/", 404},      {"/pag", 404},       {"/pages", 404},          {"/items", 404},
        {"/items/", 404},     {"/items/a/b", 404}, {"//page", 404},          {"/Page", 404},
        {"/items/../a", 404}, {"/refuse", 429},    {"/items/a?from=b", 200},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fixture_get(server, rows[i].path, &answer);
        ck_assert_msg(answer.code == rows[i].code, "%s: %d", rows[i].path, answer.code);
    }
    fixture_get(server, "/nowhere", &answer);
    ck_assert(answer_says(&answer, "ROUTE_NOT_FOUND"));
    ck_assert(answer_has(&answer, "Content-Type: application/problem+json"));
    ck_assert_ptr_nonnull(strstr(answer.body, "\"instance\":\"/nowhere\""));
}
END_TEST

START_TEST(another_method_is_told_the_ones_there_are)
{
    fixture_ask(server, "PUT /items/a HTTP/1.1\r\nHost: x\r\n\r\n", &answer);
    ck_assert_int_eq(answer.code, 405);
    ck_assert(answer_says(&answer, "METHOD_NOT_ALLOWED"));
    ck_assert(answer_has(&answer, "Allow: GET, HEAD, DELETE, OPTIONS"));
    fixture_ask(server, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", &answer);
    ck_assert_int_eq(answer.code, 405);
    ck_assert(answer_has(&answer, "Allow: POST, OPTIONS"));
    fixture_ask(server, "OPTIONS /items/a HTTP/1.1\r\nHost: x\r\n\r\n", &answer);
    ck_assert_int_eq(answer.code, 204);
    ck_assert(answer_has(&answer, "Allow: GET, HEAD, DELETE, OPTIONS"));
    ck_assert(answer_has(&answer, "X-Stamp: seen"));
    fixture_ask(server, "OPTIONS /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", &answer);
    ck_assert_int_eq(answer.code, 404);
}
END_TEST

START_TEST(head_is_get_without_its_body)
{
    const int fd = fixture_connect(server);
    ck_assert(fixture_say(fd, "HEAD /page HTTP/1.1\r\nHost: x\r\n\r\n"));
    ck_assert(fixture_answer(fd, true, &answer));
    ck_assert_int_eq(answer.code, 200);
    ck_assert(answer_has(&answer, "Content-Length: 13"));
    ck_assert(answer_has(&answer, "Content-Type: application/json"));
    /* Nothing of a body stands between the two answers. */
    ck_assert(fixture_say(fd, "GET /page HTTP/1.1\r\nHost: x\r\n\r\n"));
    ck_assert(fixture_answer(fd, false, &answer));
    ck_assert_str_eq(answer.body, page);
    close(fd);
}
END_TEST

START_TEST(requests_of_one_connection_are_answered_in_order)
{
    const int fd = fixture_connect(server);
    ck_assert(fixture_say(fd, "GET /items/1 HTTP/1.1\r\nHost: x\r\n\r\n"
                              "GET /items/2 HTTP/1.1\r\nHost: x\r\n\r\n"
                              "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                              "Content-Length: 3\r\n\r\n{3}"
                              "GET /items/4 HTTP/1.1\r\nHost: x\r\n\r\n"));
    static const char *const bodies[] = {"1|(none)", "2|(none)", "{3}", "4|(none)"};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        ck_assert(fixture_answer(fd, false, &answer));
        ck_assert_str_eq(answer.body, bodies[i]);
    }
    close(fd);
}
END_TEST

START_TEST(path_and_query_are_percent_decoded_once_and_strictly)
{
    static const struct {
        const char *path;
        const char *body; /* NULL: 400 */
    } rows[] = {
        {"/items/a%20b", "a b|(none)"},
        {"/items/%EC%84%9C%EC%9A%B8", "서울|(none)"},
        {"/items/a%2Fb", "a/b|(none)"},
        {"/items/a%2520b", "a%20b|(none)"},
        {"/items/a+b", "a+b|(none)"},
        {"/items/a%", NULL},
        {"/items/a%2", NULL},
        {"/items/a%zz", NULL},
        {"/items/a%00b", NULL},
        {"/items/%ff", NULL},
        {"/items/%ED%A0%80", NULL}, /* a surrogate */
        {"/items/%C0%AF", NULL},    /* an overlong slash */
        {"/items/a?from=b", "a|b"},
        {"/items/a?from=", "a|"},
        {"/items/a?through=c", "a|(none)"},
        {"/items/a?from=b&from=c", NULL},
        {"/items/a?other=c", NULL},
        {"/items/a?from", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fixture_get(server, rows[i].path, &answer);
        if (rows[i].body == NULL)
            ck_assert_msg(answer.code == 400 && answer_says(&answer, "INVALID_REQUEST"),
                          "%s: %d %s", rows[i].path, answer.code, answer.body);
        else
            ck_assert_msg(strcmp(answer.body, rows[i].body) == 0, "%s: %s", rows[i].path,
                          answer.body);
    }
}
END_TEST

START_TEST(a_path_parameter_has_a_largest_size)
{
    char path[1024] = "/items/";
    const size_t start = strlen(path);
    memset(path + start, 'x', 256);
    path[start + 255] = '\0';
    fixture_get(server, path, &answer);
    ck_assert_int_eq(answer.code, 200);
    path[start + 255] = 'x';
    path[start + 256] = '\0';
    fixture_get(server, path, &answer);
    ck_assert_int_eq(answer.code, 400);
}
END_TEST

START_TEST(an_entity_tag_that_is_known_is_answered_without_a_body)
{
    static const struct {
        const char *header;
        int code;
    } rows[] = {
        {"If-None-Match: \"v1\"", 304},
        {"If-None-Match: W/\"v1\"", 304},
        {"If-None-Match: \"v0\", \"v1\"", 304},
        {"If-None-Match: \"a,b\" , W/\"v1\"", 304},
        {"If-None-Match: *", 304},
        {"If-None-Match: \"v2\"", 200},
        {"If-None-Match: v1", 200},
        {"If-None-Match: \"v1", 200},
        {"If-None-Match: ", 200},
        {"Accept: */*", 200},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const int fd = fixture_connect(server);
        ck_assert(fixture_say(fd, "GET /page HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", rows[i].header));
        ck_assert(fixture_answer(fd, rows[i].code == 304, &answer));
        ck_assert_msg(answer.code == rows[i].code, "%s: %d", rows[i].header, answer.code);
        ck_assert(answer_has(&answer, "ETag: \"v1\""));
        /* And the connection goes on. */
        ck_assert(fixture_say(fd, "GET /items/1 HTTP/1.1\r\nHost: x\r\n\r\n"));
        ck_assert(fixture_answer(fd, false, &answer));
        ck_assert_str_eq(answer.body, "1|(none)");
        close(fd);
    }
}
END_TEST

START_TEST(every_answer_has_the_servers_headers_unless_it_has_its_own)
{
    fixture_get(server, "/page", &answer);
    ck_assert(answer_has(&answer, "Referrer-Policy: no-referrer"));
    ck_assert(answer_has(&answer, "X-Content-Type-Options: nosniff"));
    ck_assert(answer_has(&answer, "X-Stamp: seen"));
    ck_assert(answer_has(&answer, "Cache-Control: public, max-age=60"));
    ck_assert(!answer_has(&answer, "Cache-Control: private"));
    fixture_get(server, "/nowhere", &answer);
    ck_assert(answer_has(&answer, "Referrer-Policy: no-referrer"));
    ck_assert(answer_has(&answer, "X-Stamp: seen"));
    ck_assert(answer_has(&answer, "Cache-Control: private"));
    ck_assert(!answer_has(&answer, "Cache-Control: no-store"));
}
END_TEST

START_TEST(a_request_id_is_taken_over_when_it_is_sane)
{
    static const char known[] = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
    const int fd = fixture_connect(server);
    ck_assert(fixture_say(fd, "GET /page HTTP/1.1\r\nHost: x\r\nX-Request-Id: a-1.b\r\n\r\n"));
    ck_assert(fixture_answer(fd, false, &answer));
    ck_assert(answer_has(&answer, "X-Request-Id: a-1.b"));
    ck_assert(fixture_say(fd,
                          "GET /page HTTP/1.1\r\nHost: x\r\nX-Request-Id: a b\r\n"
                          "traceparent: %s\r\n\r\n",
                          known));
    ck_assert(fixture_answer(fd, false, &answer));
    ck_assert(answer_has(&answer, "X-Request-Id: 0123456789abcdef0123456789abcdef"));
    for (int size = 64; size <= 65; size++) {
        char id[80] = "", line[128];
        memset(id, 'x', (size_t)size);
        ck_assert(fixture_say(fd, "GET /page HTTP/1.1\r\nHost: x\r\nX-Request-Id: %s\r\n\r\n", id));
        ck_assert(fixture_answer(fd, false, &answer));
        snprintf(line, sizeof line, "X-Request-Id: %s", id);
        ck_assert_int_eq(answer_has(&answer, line), size == 64);
    }
    close(fd);
}
END_TEST

START_TEST(a_failed_handler_is_answered_as_a_problem)
{
    const int fd = fixture_connect(server);
    ck_assert(fixture_say(fd, "GET /refuse HTTP/1.1\r\nHost: x\r\nAccept-Language: ko\r\n\r\n"));
    ck_assert(fixture_answer(fd, false, &answer));
    ck_assert_int_eq(answer.code, 429);
    ck_assert(answer_has(&answer, "Content-Type: application/problem+json"));
    ck_assert(answer_has(&answer, "Content-Language: ko"));
    ck_assert(answer_has(&answer, "Retry-After: 7"));
    ck_assert(answer_has(&answer, "RateLimit: limit=1"));
    ck_assert(answer_says(&answer, "RATE_LIMITED"));
    ck_assert_ptr_nonnull(strstr(answer.body, "\"position\":17"));
    ck_assert_ptr_nonnull(strstr(answer.body, status_text(ST_RATE_LIMITED, LANGUAGE_KO)));
    ck_assert_ptr_null(strstr(answer.body, "secret detail"));
    ck_assert_ptr_null(strstr(answer.body, "page"));
    close(fd);
}
END_TEST

START_TEST(the_language_is_the_one_liked_best)
{
    static const struct {
        const char *header;
        const char *language;
    } rows[] = {
        {"Accept-Language: ko-KR", "ko"},
        {"Accept-Language: en;q=0.5, ko;q=0.9", "ko"},
        {"Accept-Language: en, ko;q=0.9", "en"},
        {"Accept-Language: fr", "en"},
        {"Accept-Language: ko;q=0", "en"},
        {"Accept-Language: kok", "en"},
        {"Accept: */*", "en"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const int fd = fixture_connect(server);
        char line[64];
        ck_assert(fixture_say(fd, "GET /no HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", rows[i].header));
        ck_assert(fixture_answer(fd, false, &answer));
        snprintf(line, sizeof line, "Content-Language: %s", rows[i].language);
        ck_assert_msg(answer_has(&answer, line), "%s", rows[i].header);
        close(fd);
    }
}
END_TEST

START_TEST(a_body_must_say_that_it_is_json)
{
    static const struct {
        const char *type;
        int code;
    } rows[] = {
        {"Content-Type: application/json", 200},
        {"Content-Type: Application/JSON; charset=utf-8", 200},
        {"Content-Type: application/jsonp", 415},
        {"Content-Type: text/plain", 415},
        {"Accept: */*", 415},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const int fd = fixture_connect(server);
        ck_assert(fixture_say(fd,
                              "POST /echo HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: 2\r\n\r\n{}",
                              rows[i].type));
        ck_assert(fixture_answer(fd, false, &answer));
        ck_assert_msg(answer.code == rows[i].code, "%s: %d", rows[i].type, answer.code);
        close(fd);
    }
}
END_TEST

START_TEST(what_has_no_body_says_nothing_of_its_type)
{
    fixture_ask(server, "DELETE /items/a HTTP/1.1\r\nHost: x\r\n\r\n", &answer);
    ck_assert_int_eq(answer.code, 204);
    ck_assert_ptr_null(strcasestr(answer.head, "\r\nContent-Type:"));
    ck_assert_uint_eq(answer.body_size, 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("routes");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_route_is_found_by_path_and_method);
    tcase_add_test(tcase, another_method_is_told_the_ones_there_are);
    tcase_add_test(tcase, head_is_get_without_its_body);
    tcase_add_test(tcase, requests_of_one_connection_are_answered_in_order);
    tcase_add_test(tcase, path_and_query_are_percent_decoded_once_and_strictly);
    tcase_add_test(tcase, a_path_parameter_has_a_largest_size);
    tcase_add_test(tcase, an_entity_tag_that_is_known_is_answered_without_a_body);
    tcase_add_test(tcase, every_answer_has_the_servers_headers_unless_it_has_its_own);
    tcase_add_test(tcase, a_request_id_is_taken_over_when_it_is_sane);
    tcase_add_test(tcase, a_failed_handler_is_answered_as_a_problem);
    tcase_add_test(tcase, the_language_is_the_one_liked_best);
    tcase_add_test(tcase, a_body_must_say_that_it_is_json);
    tcase_add_test(tcase, what_has_no_body_says_nothing_of_its_type);
    return fixture_run("http routes", tcase);
}
