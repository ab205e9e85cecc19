/* Strict JSON: what is refused, what is reported, what is exact. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "http/json.h"
#include "http_fixture.h"

#define USER "0b0e7d3c-8f1e-4a51-9b1a-6d4b1f0c9a11"

struct order {
    struct uuid user;
    char date[CLOCK_DATE_SIZE];
    int64_t amount;
    char note[9];
};

static const struct http_member members[] = {
    {.name = "user", .kind = HTTP_UUID, .required = true, .offset = offsetof(struct order, user)},
    {.name = "date", .kind = HTTP_DATE, .offset = offsetof(struct order, date)},
    {.name = "amount",
     .kind = HTTP_INT,
     .offset = offsetof(struct order, amount),
     .min = -5,
     .max = INT64_MAX},
    {.name = "note", .kind = HTTP_TEXT, .offset = offsetof(struct order, note), .min = 1, .max = 8},
};

static enum status take_order(struct ctx *ctx, void *self, const struct http_request *request,
                              struct http_response *response)
{
    struct order order = {.amount = 42, .note = "untold"};
    (void)self;
    TRY(http_read_json(ctx, request, members, ARRAY_LEN(members), &order));
    return http_write_json(ctx, response,
                           json_pack("{s:s, s:s, s:I, s:s}", "user", order.user.text, "date",
                                     order.date, "amount", (json_int_t)order.amount, "note",
                                     order.note));
}

static const struct http_route routes[] = {
    {.method = "POST", .pattern = "/orders", .handle = take_order, .needs_json = true},
};

static struct http_server *server;
static struct answer answer;

static void setup(void)
{
    server = fixture_start(
        (struct http_server_options){.routes = routes, .route_count = 1, .workers = 1});
}

static void teardown(void)
{
    http_server_stop(&server, 0, 1000);
}

static void post(const char *body, size_t size)
{
    const int fd = fixture_connect(server);
    ck_assert(fixture_say(fd,
                          "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                          "Content-Length: %zu\r\n\r\n",
                          size));
    ck_assert(fixture_send(fd, body, size));
    ck_assert(fixture_answer(fd, false, &answer));
    close(fd);
}

static void post_text(const char *body)
{
    post(body, strlen(body));
}

static void check_refused(const char *body, size_t size, const char *pointer)
{
    char member[128];
    post(body, size);
    ck_assert_msg(answer.code == 400 && answer_says(&answer, "INVALID_REQUEST"), "%s: %d %s", body,
                  answer.code, answer.body);
    snprintf(member, sizeof member, "\"pointer\":\"%s\"", pointer);
    ck_assert_msg(strstr(answer.body, member) != NULL, "%s: %s", body, answer.body);
}

START_TEST(a_good_body_is_read_member_by_member)
{
    post_text("{\"user\":\"0B0E7D3C-8F1E-4A51-9B1A-6D4B1F0C9A11\",\"date\":\"2026-12-24\","
              "\"amount\":1000,\"note\":\"\\uc11c\\uc6b8\"}");
    ck_assert_int_eq(answer.code, 200);
    ck_assert_str_eq(answer.body, "{\"user\":\"" USER "\",\"date\":\"2026-12-24\","
                                  "\"amount\":1000,\"note\":\"서울\"}");
    post_text(" { \"user\" : \"" USER "\" } ");
    ck_assert_int_eq(answer.code, 200);
    ck_assert_str_eq(answer.body,
                     "{\"user\":\"" USER "\",\"date\":\"\",\"amount\":42,\"note\":\"untold\"}");
}
END_TEST

START_TEST(integers_are_exact_or_refused)
{
    static const struct {
        const char *number;
        bool good;
    } rows[] = {
        {"-5", true},
        {"-6", false},
        {"9007199254740993", true}, /* beyond what a double holds */
        {"9223372036854775807", true},
        {"9223372036854775808", false},
        {"99999999999999999999999999999999999999", false},
        {"1.0", false},
        {"1e3", false},
        {"1e400", false},
        {"-0", true},
        {"01", false},
        {"+1", false},
        {"0x10", false},
        {"NaN", false},
        {"\"1\"", false},
        {"true", false},
        {"null", false},
        {"[1]", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char body[256];
        snprintf(body, sizeof body, "{\"user\":\"" USER "\",\"amount\":%s}", rows[i].number);
        post_text(body);
        ck_assert_msg(answer.code == (rows[i].good ? 200 : 400), "%s: %d", body, answer.code);
        snprintf(body, sizeof body, "\"amount\":%s,", rows[i].number);
        if (rows[i].good && strcmp(rows[i].number, "-0") != 0)
            ck_assert_msg(strstr(answer.body, body) != NULL, "%s: %s", body, answer.body);
    }
}
END_TEST

START_TEST(what_is_no_strict_json_is_refused)
{
    static const char *const bodies[] = {
        "",
        "{",
        "}",
        "nonsense",
        "[]",
        "\"text\"",
        "1",
        "null",
        "{\"user\":\"" USER "\"} x",
        "{\"user\":\"" USER "\"}{}",
        "{\"user\":\"" USER "\",}",
        "{'user':'" USER "'}",
        "{user:\"" USER "\"}",
        "{\"user\":\"" USER "\"/**/}",
        "{\"user\":\"" USER "\",\"note\":\"a\nb\"}",
        "{\"user\":\"" USER "\",\"note\":\"\\u0000\"}",
        "{\"user\":\"" USER "\",\"note\":\"\\ud800\"}",
        "{\"user\":\"" USER "\",\"note\":\"\xff\"}",
        "{\"user\":\"" USER "\",\"note\":\"\xc0\xaf\"}",
        "{\"user\":\"" USER "\",\"note\":\"\xed\xa0\x80\"}",
        "{\"user\":\"" USER "\",\"user\":\"" USER "\"}",
        "{\"user\":\"" USER "\",\"amount\":1,\"amount\":1}",
        "\xef\xbb\xbf{\"user\":\"" USER "\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        check_refused(bodies[i], strlen(bodies[i]), "");
    static const char with_nul[] = "{\"user\":\"" USER "\",\"note\":\"a\0b\"}";
    check_refused(with_nul, sizeof with_nul - 1, "");
    static const char after_nul[] = "{\"user\":\"" USER "\"}\0{}";
    check_refused(after_nul, sizeof after_nul - 1, "");
}
END_TEST

START_TEST(depth_is_bounded)
{
    char *body = malloc(HTTP_BODY_MAX);
    memset(body, '[', HTTP_BODY_MAX);
    check_refused(body, HTTP_BODY_MAX, "");
    free(body);
}
END_TEST

START_TEST(members_are_checked_each_and_reported_all)
{
    static const struct {
        const char *member;
        const char *pointer; /* NULL: good */
    } rows[] = {
        {"\"date\":\"2028-02-29\"", NULL},  {"\"date\":\"2026-02-29\"", "/date"},
        {"\"date\":\"2026-1-1\"", "/date"}, {"\"date\":20260101", "/date"},
        {"\"note\":\"12345678\"", NULL},    {"\"note\":\"123456789\"", "/note"},
        {"\"note\":\"\"", "/note"},         {"\"note\":null", "/note"},
        {"\"other\":1", "/other"},          {"\"User\":\"" USER "\"", "/User"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char body[256];
        snprintf(body, sizeof body, "{\"user\":\"" USER "\",%s}", rows[i].member);
        if (rows[i].pointer != NULL) {
            check_refused(body, strlen(body), rows[i].pointer);
        } else {
            post_text(body);
            ck_assert_msg(answer.code == 200, "%s: %s", body, answer.body);
        }
    }
    static const char *const users[] = {"{}", "{\"user\":null}", "{\"user\":\"\"}",
                                        "{\"user\":\"0b0e7d3c8f1e4a519b1a6d4b1f0c9a11\"}"};
    for (size_t i = 0; i < ARRAY_LEN(users); i++)
        check_refused(users[i], strlen(users[i]), "/user");

    static const char bad[] = "{\"date\":1,\"amount\":-6,\"note\":\"\",\"other\":{}}";
    static const char *const pointers[] = {"/user", "/date", "/amount", "/note", "/other"};
    for (size_t i = 0; i < ARRAY_LEN(pointers); i++)
        check_refused(bad, sizeof bad - 1, pointers[i]);
}
END_TEST

START_TEST(hundreds_of_unknown_members_are_refused_in_few_words)
{
    char *body = malloc(HTTP_BODY_MAX);
    size_t used = (size_t)snprintf(body, HTTP_BODY_MAX, "{\"user\":\"" USER "\"");
    for (int i = 0; i < 1000; i++)
        used += (size_t)snprintf(body + used, HTTP_BODY_MAX - used, ",\"m%d\":0", i);
    used += (size_t)snprintf(body + used, HTTP_BODY_MAX - used, "}");
    post(body, used);
    ck_assert_int_eq(answer.code, 400);
    size_t reported = 0;
    for (const char *at = answer.body; (at = strstr(at, "\"pointer\"")) != NULL; at++)
        reported++;
    ck_assert_uint_ge(reported, 1);
    ck_assert_uint_le(reported, CTX_VIOLATIONS_MAX);
    free(body);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("json");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_good_body_is_read_member_by_member);
    tcase_add_test(tcase, integers_are_exact_or_refused);
    tcase_add_test(tcase, what_is_no_strict_json_is_refused);
    tcase_add_test(tcase, depth_is_bounded);
    tcase_add_test(tcase, members_are_checked_each_and_reported_all);
    tcase_add_test(tcase, hundreds_of_unknown_members_are_refused_in_few_words);
    return fixture_run("http json", tcase);
}
