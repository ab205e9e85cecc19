/* What every answer carries: rules for browsers, what the limits leave, other origins, ids. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge.h"
#include "fake_gateway_peers.h"
#include "gateway_fixture.h"

#define SHOP  "https://shop.example"
#define OTHER "https://other.example:8443"

static void set_up(void)
{
    fake_peers_reset();
    fixture_start(0, 0);
}

static struct answer ask(const char *method, const char *path, const char *more)
{
    char headers[4096];
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n%s", fixture_token(), more);
    return fixture_ask(method, path, headers, NULL);
}

static void expect_header(const struct answer *answer, const char *name, const char *value)
{
    const char *found = answer_header(answer, name);
    ck_assert_msg(found != NULL && strcmp(found, value) == 0, "%s: %s", name,
                  found == NULL ? "(none)" : found);
}

START_TEST(a_browser_is_told_to_be_strict_whatever_the_answer)
{
    static const struct {
        const char *method, *path;
        int code;
    } rows[] = {{"GET", "/v1/time", 200},       {"GET", "/v1/concerts", 200},
                {"GET", "/v1/nothing", 404},    {"PATCH", "/v1/concerts", 405},
                {"GET", "/v1/payments/x", 400}, {"OPTIONS", "/v1/concerts", 204}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer answer = ask(rows[i].method, rows[i].path, "");
        ck_assert_int_eq(answer.code, rows[i].code);
        expect_header(&answer, "X-Content-Type-Options", "nosniff");
        expect_header(&answer, "X-Frame-Options", "DENY");
        expect_header(&answer, "Referrer-Policy", "no-referrer");
        expect_header(&answer, "Content-Security-Policy",
                      "default-src 'none'; frame-ancestors 'none'");
        expect_header(&answer, "Cache-Control", "no-store");
        ck_assert_ptr_null(answer_header(&answer, "Server"));
        ck_assert_ptr_null(answer_header(&answer, "Access-Control-Allow-Origin"));
        ck_assert_ptr_null(answer_header(&answer, "RateLimit"));
        answer_done(&answer);
    }
}
END_TEST

START_TEST(a_request_has_an_id_the_callers_own_when_it_is_decent)
{
    struct answer answer = ask("GET", "/v1/time", "X-Request-Id: order-66\r\n");
    expect_header(&answer, "X-Request-Id", "order-66");
    answer_done(&answer);
    static const char *const bad[] = {
        "", "X-Request-Id: a b\r\n", "X-Request-Id: \r\n",
        "X-Request-Id: 0123456789012345678901234567890123456789012345678901234567890123x\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        answer = ask("GET", "/v1/time", bad[i]);
        ck_assert_uint_eq(strlen(answer_header(&answer, "X-Request-Id")), 32);
        answer_done(&answer);
    }
}
END_TEST

START_TEST(limits_are_told_before_they_bite)
{
    fixture_stop();
    fixture_start(5, 0);
    int remaining = 10, limited = 0;
    for (int i = 0; i < 14; i++) {
        struct answer answer = ask("GET", "/v1/payments", "");
        expect_header(&answer, "RateLimit-Policy", "\"user\";q=10;w=2");
        int left = -1, seconds = -1;
        ck_assert_int_eq(
            sscanf(answer_header(&answer, "RateLimit"), "\"user\";r=%d;t=%d", &left, &seconds), 2);
        ck_assert_int_le(left, 9);
        ck_assert(seconds >= 1 && seconds <= 2);
        if (answer.code == 429) {
            limited++;
            ck_assert_int_eq(left, 0);
            expect_header(&answer, "Retry-After", "1");
        }
        remaining = left;
        answer_done(&answer);
    }
    ck_assert_int_lt(remaining, 9);
    ck_assert_int_ge(limited, 1);
    fixture_stop();
    fixture_start(0, 5);
    struct answer answer = ask("GET", "/v1/payments", "");
    expect_header(&answer, "RateLimit-Policy", "\"address\";q=10;w=2");
    answer_done(&answer);
}
END_TEST

START_TEST(pages_of_listed_origins_may_call)
{
    static const char preflight[] = "Origin: " SHOP "\r\nAccess-Control-Request-Method: POST\r\n"
                                    "Access-Control-Request-Headers: authorization\r\n";
    fixture_allow_origins(SHOP ", " OTHER);
    struct answer answer = ask("OPTIONS", "/v1/reservations", preflight);
    ck_assert_int_eq(answer.code, 204);
    expect_header(&answer, "Access-Control-Allow-Origin", SHOP);
    expect_header(&answer, "Access-Control-Allow-Methods", "GET, POST, DELETE");
    ck_assert_ptr_nonnull(
        strstr(answer_header(&answer, "Access-Control-Allow-Headers"), "Idempotency-Key"));
    ck_assert_ptr_null(answer_header(&answer, "Access-Control-Allow-Credentials"));
    answer_done(&answer);
    answer = ask("GET", "/v1/payments", "Origin: " OTHER "\r\n");
    ck_assert_int_eq(answer.code, 200);
    expect_header(&answer, "Access-Control-Allow-Origin", OTHER);
    expect_header(&answer, "Vary", "Origin");
    ck_assert_ptr_nonnull(
        strstr(answer_header(&answer, "Access-Control-Expose-Headers"), "Retry-After"));
    ck_assert_ptr_null(answer_header(&answer, "Access-Control-Allow-Methods"));
    answer_done(&answer);
    /* Refusals too, or the page could not tell why. */
    answer = ask("GET", "/v1/nothing", "Origin: " SHOP "\r\n");
    ck_assert_int_eq(answer.code, 404);
    expect_header(&answer, "Access-Control-Allow-Origin", SHOP);
    answer_done(&answer);
}
END_TEST

START_TEST(pages_of_other_origins_may_not)
{
    static const char *const others[] = {"Origin: https://shop.example.evil.example\r\n",
                                         "Origin: https://shop.exampl\r\n",
                                         "Origin: null\r\n",
                                         "Origin: http://shop.example\r\n",
                                         "Origin: " SHOP ":444\r\n",
                                         "Origin: *\r\n",
                                         ""};
    fixture_allow_origins(SHOP " " OTHER);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct answer answer = ask("GET", "/v1/time", others[i]);
        ck_assert_ptr_null(answer_header(&answer, "Access-Control-Allow-Origin"));
        expect_header(&answer, "Vary", "Origin");
        answer_done(&answer);
    }
    struct answer answer = ask("GET", "/ops/api/overview", "Origin: " SHOP "\r\n");
    ck_assert_ptr_null(answer_header(&answer, "Access-Control-Allow-Origin"));
    answer_done(&answer);
    fixture_allow_origins("*");
    answer = ask("GET", "/v1/time", "Origin: https://anywhere.example\r\n");
    expect_header(&answer, "Access-Control-Allow-Origin", "*");
    answer_done(&answer);
    answer = ask("GET", "/ops/api/overview", "Origin: https://anywhere.example\r\n");
    ck_assert_ptr_null(answer_header(&answer, "Access-Control-Allow-Origin"));
    answer_done(&answer);
}
END_TEST

START_TEST(a_list_of_origins_is_looked_at_when_set)
{
    static const char *const good[] = {"",
                                       "*",
                                       SHOP,
                                       SHOP " " OTHER,
                                       SHOP "," OTHER,
                                       "http://localhost:3000",
                                       "http://[::1]:8080"};
    static const char *const bad[] = {"shop.example",
                                      SHOP "/",
                                      SHOP " *",
                                      "https://",
                                      "null",
                                      "https://shop.example/path",
                                      "ftp://shop.example",
                                      "https://SHOP.example"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        ck_assert_msg(edge_origins_are_valid(good[i]), "%s", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(!edge_origins_are_valid(bad[i]), "%s", bad[i]);
}
END_TEST

#define DATES "/v1/concerts/00000000-0000-4000-8000-0000000000aa/dates"
#define SEATS DATES "/2031-05-01/seats"

static void expect_known(const char *path, const char *more, bool is_known, const char *etag,
                         const char *asked_for)
{
    struct answer answer = ask("GET", path, more);
    ck_assert_msg(answer.code == (is_known ? 304 : 200), "%s %s: %d", path, more, answer.code);
    ck_assert((answer.json == NULL) == is_known);
    expect_header(&answer, "ETag", etag);
    expect_header(&answer, "Cache-Control", "private, no-cache");
    expect_header(&answer, "Vary", "Accept-Language, Authorization");
    ck_assert_str_eq(fake_peers.known_etag, asked_for);
    answer_done(&answer);
}

START_TEST(what_a_reader_has_is_not_sent_again)
{
    expect_known(DATES, "", false, "\"0a1b2c\"", "");
    expect_known(DATES, "If-None-Match: \"0a1b2c\"\r\n", true, "\"0a1b2c\"", "0a1b2c");
    expect_known(DATES, "If-None-Match: \"ffff\"\r\n", false, "\"0a1b2c\"", "ffff");
    expect_known(SEATS, "If-None-Match: \"0a1b2c-en\"\r\n", true, "\"0a1b2c-en\"", "0a1b2c");
    /* What is known in another language is not known in this one. */
    expect_known(SEATS, "Accept-Language: ko\r\nIf-None-Match: \"0a1b2c-en\"\r\n", false,
                 "\"0a1b2c-ko\"", "");
    expect_known(SEATS, "Accept-Language: ko\r\nIf-None-Match: \"0a1b2c-ko\"\r\n", true,
                 "\"0a1b2c-ko\"", "0a1b2c");
    /* Names that are none of ours go no further. */
    static const char *const foreign[] = {"-en",        "\"",        "\"\"",       "\"-en\"",
                                          "\"0a1b2c\"", "0a1b2c-en", "\"0a1b2c-en"};
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
        char more[64];
        snprintf(more, sizeof more, "If-None-Match: %s\r\n", foreign[i]);
        expect_known(SEATS, more, false, "\"0a1b2c-en\"", "");
    }
}
END_TEST

START_TEST(of_many_known_answers_the_right_one_is_found)
{
    expect_known(SEATS, "If-None-Match: \"1\", W/\"0a1b2c-en\"\r\n", true, "\"0a1b2c-en\"", "");
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("edge");
    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, set_up, fixture_stop);
    tcase_add_test(cases, a_browser_is_told_to_be_strict_whatever_the_answer);
    tcase_add_test(cases, a_request_has_an_id_the_callers_own_when_it_is_decent);
    tcase_add_test(cases, limits_are_told_before_they_bite);
    tcase_add_test(cases, pages_of_listed_origins_may_call);
    tcase_add_test(cases, pages_of_other_origins_may_not);
    tcase_add_test(cases, what_a_reader_has_is_not_sent_again);
    tcase_add_test(cases, of_many_known_answers_the_right_one_is_found);
    tcase_add_test(cases, a_list_of_origins_is_looked_at_when_set);
    Suite *suite = suite_create("gateway edge");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
