/* Every route against every kind of caller, body and failing peer, as API.md has them. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_gateway_peers.h"
#include "gateway_fixture.h"
#include "token/identity.h"

enum need { ANYONE, OWNER, TURN };

#define ID      "00000000-0000-4000-8000-0000000000aa"
#define ACCOUNT "/v1/users/" FIXTURE_USER
#define SEATS   "/v1/concerts/" ID "/dates/2031-05-01/seats"

static const struct row {
    const char *method, *path, *body;
    enum need need;
    enum gateway_call call;
    int code;
    bool needs_key;
} rows[] = {
    {"POST", "/v1/queue/tokens", "{\"user_id\":\"" FIXTURE_USER "\"}", ANYONE, CALL_ISSUE_TOKEN,
     201, false},
    {"GET", "/v1/queue/tokens/me", NULL, OWNER, CALL_GET_TOKEN, 200, false},
    {"DELETE", "/v1/queue/tokens/me", NULL, OWNER, CALL_EXPIRE_TOKEN, 204, false},
    {"GET", "/v1/concerts", NULL, TURN, CALL_LIST_CONCERTS, 200, false},
    {"GET", "/v1/concerts/" ID "/dates", NULL, TURN, CALL_LIST_DATES, 200, false},
    {"GET", SEATS, NULL, TURN, CALL_LIST_SEATS, 200, false},
    {"POST", "/v1/reservations",
     "{\"concert_id\":\"" ID "\",\"date\":\"2031-05-01\",\"seat_no\":7}", TURN, CALL_RESERVE, 201,
     false},
    {"GET", "/v1/reservations", NULL, OWNER, CALL_LIST_RESERVATIONS, 200, false},
    {"GET", "/v1/reservations/" ID, NULL, OWNER, CALL_GET_RESERVATION, 200, false},
    {"DELETE", "/v1/reservations/" ID, NULL, TURN, CALL_CANCEL, 204, false},
    {"GET", ACCOUNT "/balance", NULL, TURN, CALL_GET_BALANCE, 200, false},
    {"POST", ACCOUNT "/charges", "{\"amount\":1000}", TURN, CALL_CHARGE, 201, true},
    {"GET", ACCOUNT "/transactions", NULL, OWNER, CALL_LIST_TRANSACTIONS, 200, false},
    {"POST", "/v1/payments", "{\"reservation_id\":\"" ID "\"}", TURN, CALL_PAY, 201, true},
    {"GET", "/v1/payments", NULL, OWNER, CALL_LIST_PAYMENTS, 200, false},
    {"GET", "/v1/payments/" ID, NULL, OWNER, CALL_GET_PAYMENT, 200, false},
};

static void set_up(void)
{
    fake_peers_reset();
    fixture_start(0, 0);
}

/* Asks as a row says, with this Authorization (NULL: none) and more header lines. */
static struct answer ask(const struct row *row, const char *authorization, const char *more,
                         const char *body)
{
    char headers[4096];
    snprintf(headers, sizeof headers, "%s%s%s%s%s%s",
             authorization == NULL ? "" : "Authorization: ",
             authorization == NULL ? "" : authorization, authorization == NULL ? "" : "\r\n",
             body == NULL ? "" : "Content-Type: application/json\r\n",
             row->needs_key ? "Idempotency-Key: key-1\r\n" : "", more);
    return fixture_ask(row->method, row->path, headers, body);
}

static const char *bearer(const char *token)
{
    static char text[2048];
    snprintf(text, sizeof text, "Bearer %s", token);
    return text;
}

static struct answer ask_well(const struct row *row)
{
    return ask(row, row->need == ANYONE ? NULL : bearer(fixture_token()), "", row->body);
}

/* The answer is a problem of that code; it is done with. */
static void expect_problem(struct answer answer, int code, const char *name)
{
    ck_assert_msg(answer.code == code && strcmp(answer_text(&answer, "code"), name) == 0,
                  "wanted %d %s, got %d %s", code, name, answer.code, answer_text(&answer, "code"));
    ck_assert_str_eq(answer_header(&answer, "Content-Type"), "application/problem+json");
    ck_assert_uint_eq(strlen(answer_text(&answer, "trace_id")), 32);
    ck_assert_int_eq(json_integer_value(json_object_get(answer.json, "status")), code);
    answer_done(&answer);
}

START_TEST(a_good_request_reaches_its_service_once)
{
    const struct row *row = &rows[_i];
    struct answer answer = ask_well(row);
    ck_assert_msg(answer.code == row->code, "%s %s: %d", row->method, row->path, answer.code);
    ck_assert_int_eq(fake_peers.counts[row->call], 1);
    ck_assert_int_eq(fake_peers_called(), 1);
    ck_assert_int_eq(fake_peers.counts[CALL_VERIFY_TOKENS], row->need == TURN ? 1 : 0);
    ck_assert((answer.json == NULL) == (row->code == 204));
    answer_done(&answer);
}
END_TEST

START_TEST(without_a_token_nothing_is_asked_of_anybody)
{
    const struct row *row = &rows[_i];
    if (row->need == ANYONE)
        return;
    expect_problem(ask(row, NULL, "", row->body), 401, "TOKEN_REQUIRED");
    expect_problem(ask(row, "Basic eDp5", "", row->body), 401, "TOKEN_INVALID");
    expect_problem(ask(row, "Bearer ", "", row->body), 401, "TOKEN_INVALID");
    expect_problem(ask(row, "Bearer not-a-token", "", row->body), 401, "TOKEN_INVALID");
    expect_problem(ask(row, bearer(fixture_forged_token()), "", row->body), 401, "TOKEN_INVALID");
    ck_assert_int_eq(fake_peers_called(), 0);
    ck_assert_int_eq(fake_peers.counts[CALL_VERIFY_TOKENS], 0);
}
END_TEST

START_TEST(who_waits_is_told_when_to_come_back)
{
    const struct row *row = &rows[_i];
    if (row->need != TURN)
        return;
    fake_peers.token_code = "NOT_YOUR_TURN";
    struct answer answer = ask_well(row);
    ck_assert_int_eq(json_integer_value(json_object_get(answer.json, "position")), 17);
    ck_assert_str_eq(answer_header(&answer, "Retry-After"), "3"); /* 2500 ms, rounded up */
    expect_problem(answer, 403, "NOT_YOUR_TURN");
    ck_assert_int_eq(fake_peers_called(), 0);
}
END_TEST

START_TEST(a_used_token_opens_nothing_new)
{
    const struct row *row = &rows[_i];
    if (row->need != TURN || row->call == CALL_PAY)
        return;
    fake_peers.token_code = "TOKEN_EXPIRED";
    expect_problem(ask_well(row), 401, "TOKEN_EXPIRED");
    fake_peers.token_code = "TOKEN_INVALID";
    expect_problem(ask_well(row), 401, "TOKEN_INVALID");
    fake_peers.token_code = "NO_SUCH_CODE";
    expect_problem(ask_well(row), 401, "TOKEN_INVALID");
    ck_assert_int_eq(fake_peers_called(), 0);
}
END_TEST

START_TEST(a_used_token_still_gets_the_first_answer_of_its_payment)
{
    const struct row *pay = &rows[13];
    ck_assert_int_eq(pay->call, CALL_PAY);
    fake_peers.token_code = "TOKEN_EXPIRED";
    fake_peers.is_new = false;
    struct answer answer = ask_well(pay);
    ck_assert_int_eq(answer.code, 201);
    ck_assert_str_eq(answer_header(&answer, "Idempotent-Replayed"), "true");
    ck_assert(fake_peers.replay_only);
    answer_done(&answer);
    fake_peers.token_code = "OK";
    answer = ask_well(pay);
    ck_assert(!fake_peers.replay_only);
    answer_done(&answer);
}
END_TEST

START_TEST(when_the_queue_is_away_nobody_is_let_in_by_guess)
{
    const struct row *row = &rows[_i];
    if (row->need != TURN)
        return;
    fake_peers.verify_status = ST_UNAVAILABLE;
    struct answer answer = ask_well(row);
    ck_assert_ptr_nonnull(answer_header(&answer, "Retry-After"));
    expect_problem(answer, 503, "UNAVAILABLE");
    ck_assert_int_eq(fake_peers_called(), 0);
}
END_TEST

START_TEST(a_failure_of_a_service_is_told_as_its_code)
{
    static const struct {
        enum status status;
        int code;
        const char *name;
        bool retry;
    } failures[] = {
        {ST_UNAVAILABLE, 503, "UNAVAILABLE", true},
        {ST_OVERLOADED, 503, "OVERLOADED", true},
        {ST_TIMEOUT, 504, "TIMEOUT", true},
        {ST_INTERNAL, 500, "INTERNAL", false},
        {ST_SEAT_HELD, 409, "SEAT_HELD", false},
        {ST_HOLD_EXPIRED, 410, "HOLD_EXPIRED", false},
        {ST_INSUFFICIENT_BALANCE, 402, "INSUFFICIENT_BALANCE", false},
        {ST_IDEMPOTENCY_KEY_REUSED, 422, "IDEMPOTENCY_KEY_REUSED", false},
        {ST_PAYMENT_NOT_FOUND, 404, "PAYMENT_NOT_FOUND", false},
    };
    const struct row *row = &rows[_i];
    for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
        fake_peers.status = failures[i].status;
        struct answer answer = ask_well(row);
        ck_assert(!failures[i].retry || answer_header(&answer, "Retry-After") != NULL);
        ck_assert_ptr_null(strstr(answer_text(&answer, "detail"), "scripted"));
        expect_problem(answer, failures[i].code, failures[i].name);
    }
}
END_TEST

START_TEST(an_account_is_open_to_its_user_only)
{
    static const struct {
        const char *path;
        int code;
        const char *name;
    } paths[] = {
        {"/v1/users/" FIXTURE_OTHER "/balance", 403, "NOT_YOUR_ACCOUNT"},
        {"/v1/users/" FIXTURE_OTHER "/transactions", 403, "NOT_YOUR_ACCOUNT"},
        {"/v1/users/nobody/balance", 400, "INVALID_REQUEST"},
        {"/v1/users/nobody/transactions", 400, "INVALID_REQUEST"},
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        const struct row row = {.method = "GET", .path = paths[i].path};
        expect_problem(ask(&row, bearer(fixture_token()), "", NULL), paths[i].code, paths[i].name);
    }
    const struct row charge = {
        .method = "POST", .path = "/v1/users/" FIXTURE_OTHER "/charges", .needs_key = true};
    expect_problem(ask(&charge, bearer(fixture_token()), "", "{\"amount\":1}"), 403,
                   "NOT_YOUR_ACCOUNT");
    ck_assert_int_eq(fake_peers_called(), 0);
}
END_TEST

START_TEST(a_body_is_exactly_what_the_document_says)
{
    static const struct {
        size_t row;
        const char *body, *pointer;
    } bodies[] = {
        {0, "{}", "/user_id"},
        {0, "{\"user_id\":7}", "/user_id"},
        {0, "{\"user_id\":\"x\"}", "/user_id"},
        {0, "{\"user_id\":\"" FIXTURE_USER "\",\"queue\":\"\"}", "/queue"},
        {0, "{\"user_id\":\"" FIXTURE_USER "\",\"queue\":\"Main\"}", "/queue"},
        {0, "{\"user_id\":\"" FIXTURE_USER "\",\"extra\":1}", "/extra"},
        {6, "{\"concert_id\":\"" ID "\",\"date\":\"2031-05-01\"}", "/seat_no"},
        {6, "{\"concert_id\":\"" ID "\",\"date\":\"2031-02-30\",\"seat_no\":7}", "/date"},
        {6, "{\"concert_id\":\"" ID "\",\"date\":\"2031-05-01\",\"seat_no\":0}", "/seat_no"},
        {6, "{\"concert_id\":\"" ID "\",\"date\":\"2031-05-01\",\"seat_no\":5001}", "/seat_no"},
        {6, "{\"concert_id\":\"" ID "\",\"date\":\"2031-05-01\",\"seat_no\":1.5}", "/seat_no"},
        {6, "{\"concert_id\":\"" ID "\",\"date\":\"2031-05-01\",\"seat_no\":\"7\"}", "/seat_no"},
        {6, "{\"concert_id\":null,\"date\":\"2031-05-01\",\"seat_no\":7}", "/concert_id"},
        {11, "{\"amount\":true}", "/amount"},
        {11, "{\"amount\":1e3}", "/amount"},
        {13, "{\"reservation_id\":\"" ID "\",\"amount\":1}", "/amount"},
        {13, "{}", "/reservation_id"},
        {13, "[]", ""},
        {13, "{\"reservation_id\":\"" ID "\",\"reservation_id\":\"" ID "\"}", ""},
        {13, "{\"reservation_id\":", ""},
        {13, "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        const struct row *row = &rows[bodies[i].row];
        struct answer answer =
            ask(row, row->need == ANYONE ? NULL : bearer(fixture_token()), "", bodies[i].body);
        json_t *error = json_array_get(json_object_get(answer.json, "errors"), 0);
        const char *pointer = json_string_value(json_object_get(error, "pointer"));
        ck_assert_msg(pointer != NULL && strcmp(pointer, bodies[i].pointer) == 0, "%s: %s",
                      bodies[i].body, pointer == NULL ? "no pointer" : pointer);
        expect_problem(answer, 400, "INVALID_REQUEST");
    }
    ck_assert_int_eq(fake_peers_called(), 0);
}
END_TEST

START_TEST(a_key_is_required_where_money_moves_and_bounded_everywhere)
{
    char good[129], bad[130], header[256];
    memset(good, 'k', 128);
    memset(bad, 'k', 129);
    good[128] = bad[129] = '\0';
    static const size_t keyed[] = {6, 11, 13};
    for (size_t i = 0; i < ARRAY_LEN(keyed); i++) {
        struct row row = rows[keyed[i]];
        const bool required = row.needs_key;
        row.needs_key = false;
        struct answer answer = ask(&row, bearer(fixture_token()), "", row.body);
        ck_assert_int_eq(answer.code, required ? 400 : row.code);
        answer_done(&answer);

        snprintf(header, sizeof header, "Idempotency-Key: %s\r\n", good);
        answer = ask(&row, bearer(fixture_token()), header, row.body);
        ck_assert_int_eq(answer.code, row.code);
        ck_assert_str_eq(fake_peers.key, good);
        answer_done(&answer);

        snprintf(header, sizeof header, "Idempotency-Key: %s\r\n", bad);
        expect_problem(ask(&row, bearer(fixture_token()), header, row.body), 400,
                       "IDEMPOTENCY_KEY_REQUIRED");
        expect_problem(ask(&row, bearer(fixture_token()), "Idempotency-Key: a b\r\n", row.body),
                       400, "IDEMPOTENCY_KEY_REQUIRED");
    }
}
END_TEST

START_TEST(a_repeat_says_that_it_is_one)
{
    static const size_t keyed[] = {6, 11, 13};
    for (size_t i = 0; i < ARRAY_LEN(keyed); i++) {
        fake_peers.is_new = true;
        struct answer answer = ask_well(&rows[keyed[i]]);
        ck_assert_ptr_null(answer_header(&answer, "Idempotent-Replayed"));
        answer_done(&answer);
        fake_peers.is_new = false;
        answer = ask_well(&rows[keyed[i]]);
        ck_assert_int_eq(answer.code, rows[keyed[i]].code);
        ck_assert_str_eq(answer_header(&answer, "Idempotent-Replayed"), "true");
        answer_done(&answer);
    }
    struct answer answer = ask_well(&rows[0]); /* the place was live already */
    ck_assert_int_eq(answer.code, 200);
    answer_done(&answer);
}
END_TEST

START_TEST(a_refusal_that_is_a_repeat_says_so_in_the_same_words)
{
    fake_peers.statuses[CALL_PAY] = ST_INSUFFICIENT_BALANCE;
    for (int replay = 0; replay <= 1; replay++) {
        fake_peers.is_replay = replay;
        struct answer answer = ask_well(&rows[13]);
        ck_assert_int_eq(answer.code, 402);
        ck_assert_str_eq(answer_text(&answer, "code"), "INSUFFICIENT_BALANCE");
        ck_assert_ptr_null(json_object_get(answer.json, "replayed"));
        const char *said = answer_header(&answer, "Idempotent-Replayed");
        ck_assert_int_eq(said != NULL, replay);
        answer_done(&answer);
    }
}
END_TEST

START_TEST(a_payment_that_still_runs_is_accepted_with_its_address)
{
    fake_peers.is_pending = true;
    struct answer answer = ask_well(&rows[13]);
    ck_assert_int_eq(answer.code, 202);
    ck_assert_str_eq(answer_header(&answer, "Location"), "/v1/payments/" ID);
    ck_assert_str_eq(answer_text(&answer, "status"), "PENDING");
    answer_done(&answer);
}
END_TEST

START_TEST(won_beyond_a_double_are_exact)
{
    struct answer answer = ask_well(&rows[10]);
    ck_assert_int_eq(json_integer_value(json_object_get(answer.json, "balance")), 9007199254740993);
    answer_done(&answer);
}
END_TEST

START_TEST(a_date_without_a_free_seat_says_so_in_the_readers_language)
{
    struct answer answer = ask_well(&rows[5]);
    ck_assert_ptr_nonnull(strstr(answer_text(&answer, "message"), "No seat is free"));
    answer_done(&answer);
    answer = ask(&rows[5], bearer(fixture_token()), "Accept-Language: ko-KR,en;q=0.5\r\n", NULL);
    ck_assert_ptr_nonnull(strstr(answer_text(&answer, "message"), "남은 좌석이 없습니다"));
    answer_done(&answer);
    fake_peers.status = ST_SEAT_SOLD;
    answer = ask(&rows[6], bearer(fixture_token()), "Accept-Language: ko\r\n", rows[6].body);
    const char *title = answer_text(&answer, "title");
    ck_assert_msg((unsigned char)title[0] >= 0x80, "%s is not Korean", title);
    expect_problem(answer, 409, "SEAT_SOLD");
}
END_TEST

START_TEST(queries_are_known_single_and_in_range)
{
    static const char *const good[] = {
        "/v1/concerts?page_size=1",
        "/v1/concerts?page_size=100&page_token=next",
        "/v1/concerts/" ID "/dates?from=2031-05-01",
        SEATS "?view=all&through=2031-05-09",
        SEATS "?view=available",
    };
    static const char *const bad[] = {
        "/v1/concerts?page_size=0",
        "/v1/concerts?page_size=101",
        "/v1/concerts?page_size=x",
        "/v1/concerts?other=1",
        "/v1/concerts?page_size=1&page_size=2",
        "/v1/concerts/" ID "/dates?from=tomorrow",
        "/v1/concerts/nothing/dates",
        "/v1/concerts/" ID "/dates/2031-13-01/seats",
        SEATS "?view=some",
        SEATS "?through=2031-02-30",
        "/v1/reservations/nothing",
        "/v1/payments/nothing",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        const struct row row = {.method = "GET", .path = good[i]};
        struct answer answer = ask(&row, bearer(fixture_token()), "", NULL);
        ck_assert_msg(answer.code == 200, "%s: %d", good[i], answer.code);
        answer_done(&answer);
    }
    const int called = fake_peers_called();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct row row = {.method = "GET", .path = bad[i]};
        expect_problem(ask(&row, bearer(fixture_token()), "", NULL), 400, "INVALID_REQUEST");
    }
    ck_assert_int_eq(fake_peers_called(), called);
}
END_TEST

START_TEST(a_user_has_a_rate_and_an_address_has_one)
{
    fixture_stop();
    fixture_start(1, 0); /* a burst of two */
    int limited = 0;
    for (int i = 0; i < 6; i++) {
        struct answer answer = ask_well(&rows[7]);
        limited += answer.code == 429;
        ck_assert(answer.code != 429 || answer_header(&answer, "Retry-After") != NULL);
        answer_done(&answer);
    }
    ck_assert_int_ge(limited, 3); /* a second may pass meanwhile */
    fixture_stop();
    fixture_start(0, 1);
    limited = 0;
    for (int i = 0; i < 6; i++) {
        struct answer answer = ask_well(&rows[0]);
        limited += answer.code == 429;
        answer_done(&answer);
    }
    ck_assert_int_ge(limited, 3);
}
END_TEST

/* Signed with "the provider's secret, thirty-two bytes"; good until 2096. */
static const char own_identity[] =
    "eyJhbGciOiJIUzI1NiJ9."
    "eyJzdWIiOiIwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDEiLCJleHAiOjQwMDAwMDAwMDB9.IXcPd-"
    "yYZiPpdht89pPyw9ZJ-5JnFrhw01_fOwio1-I";
static const char others_identity[] =
    "eyJhbGciOiJIUzI1NiJ9."
    "eyJzdWIiOiIwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDIiLCJleHAiOjQwMDAwMDAwMDB9.QPD-"
    "hzoKtU5Edg_nzpxZ8VaxlZy_acQ7rnvuQwsovqQ";

START_TEST(a_place_needs_ones_own_identity_where_identities_are_checked)
{
    char why[256];
    struct identity *identity = NULL;
    const struct identity_options options = {.secret = "the provider's secret, thirty-two bytes"};
    ck_assert_msg(identity_new(&options, why, &identity) == ST_OK, "%s", why);
    fixture_require_identity(identity);
    const struct row *join = &rows[0];
    expect_problem(ask(join, NULL, "", join->body), 401, "IDENTITY_REQUIRED");
    expect_problem(ask(join, "Basic eDp5", "", join->body), 401, "IDENTITY_INVALID");
    /* A queue token is no identity: it would let its holder back in for ever. */
    expect_problem(ask(join, bearer(fixture_token()), "", join->body), 401, "IDENTITY_INVALID");
    expect_problem(ask(join, bearer(others_identity), "", join->body), 403, "NOT_YOUR_ACCOUNT");
    ck_assert_int_eq(fake_peers_called(), 0);
    struct answer answer = ask(join, bearer(own_identity), "", join->body);
    ck_assert_int_eq(answer.code, 201);
    answer_done(&answer);
    /* An identity is no queue token either. */
    expect_problem(ask(&rows[1], bearer(own_identity), "", NULL), 401, "TOKEN_INVALID");
    fixture_require_identity(NULL);
    identity_free(&identity);
}
END_TEST

START_TEST(time_and_health_need_nobody)
{
    struct answer answer = fixture_ask("GET", "/v1/time", "", NULL);
    ck_assert_int_eq(answer.code, 200);
    ck_assert_int_gt(json_integer_value(json_object_get(answer.json, "unix_ms")), 1700000000000);
    answer_done(&answer);
    answer = fixture_ask("GET", "/healthz", "", NULL);
    ck_assert_int_eq(answer.code, 200);
    answer_done(&answer);
    ck_assert_int_eq(fake_peers_called(), 0);
}
END_TEST

int main(void)
{
    const int count = (int)ARRAY_LEN(rows);
    TCase *cases = tcase_create("routes");
    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, set_up, fixture_stop);
    tcase_add_loop_test(cases, a_good_request_reaches_its_service_once, 0, count);
    tcase_add_loop_test(cases, without_a_token_nothing_is_asked_of_anybody, 0, count);
    tcase_add_loop_test(cases, who_waits_is_told_when_to_come_back, 0, count);
    tcase_add_loop_test(cases, a_used_token_opens_nothing_new, 0, count);
    tcase_add_test(cases, a_used_token_still_gets_the_first_answer_of_its_payment);
    tcase_add_loop_test(cases, when_the_queue_is_away_nobody_is_let_in_by_guess, 0, count);
    tcase_add_loop_test(cases, a_failure_of_a_service_is_told_as_its_code, 0, count);
    tcase_add_test(cases, an_account_is_open_to_its_user_only);
    tcase_add_test(cases, a_body_is_exactly_what_the_document_says);
    tcase_add_test(cases, a_key_is_required_where_money_moves_and_bounded_everywhere);
    tcase_add_test(cases, a_repeat_says_that_it_is_one);
    tcase_add_test(cases, a_refusal_that_is_a_repeat_says_so_in_the_same_words);
    tcase_add_test(cases, a_payment_that_still_runs_is_accepted_with_its_address);
    tcase_add_test(cases, won_beyond_a_double_are_exact);
    tcase_add_test(cases, a_date_without_a_free_seat_says_so_in_the_readers_language);
    tcase_add_test(cases, queries_are_known_single_and_in_range);
    tcase_add_test(cases, a_user_has_a_rate_and_an_address_has_one);
    tcase_add_test(cases, a_place_needs_ones_own_identity_where_identities_are_checked);
    tcase_add_test(cases, time_and_health_need_nobody);
    Suite *suite = suite_create("gateway");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
