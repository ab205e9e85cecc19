/* The operator's view: who may, what is seen when a service is away, and what is changed. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_gateway_peers.h"
#include "gateway_fixture.h"
#include "ops_routes.h"

#define OVERVIEW "/ops/api/overview"
#define QUEUE    "/ops/api/queues/arena"

static const char secret[] = "a secret of operators";
static const char good_body[] =
    "{\"kind\":\"both\",\"capacity\":7,\"admit_batch\":2,\"admit_interval_ms\":500,"
    "\"active_ttl_ms\":60000,\"absent_ms\":9000}";

static void set_up(void)
{
    fake_peers_reset();
    fixture_start(0, 0);
    fixture_open_ops(secret, NULL, 0);
}

static struct answer ask_with(const char *given, const char *method, const char *path,
                              const char *body)
{
    char headers[2048];
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n%s", given,
             body == NULL ? "" : "Content-Type: application/json\r\n");
    return fixture_ask(method, path, headers, body);
}

static struct answer ask(const char *method, const char *path, const char *body)
{
    return ask_with(secret, method, path, body);
}

static void expect_code(struct answer answer, int code, const char *name)
{
    ck_assert_msg(answer.code == code && strcmp(answer_text(&answer, "code"), name) == 0,
                  "wanted %d %s, got %d %s", code, name, answer.code, answer_text(&answer, "code"));
    answer_done(&answer);
}

static const json_t *first_of(const struct answer *answer, const char *list)
{
    return json_array_get(json_object_get(answer->json, list), 0);
}

static json_int_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

START_TEST(without_the_secret_nothing_is_seen_or_done)
{
    static const struct {
        const char *method, *path, *body;
    } calls[] = {{"GET", OVERVIEW, NULL},
                 {"PUT", QUEUE "/policy", good_body},
                 {"POST", QUEUE "/pause", NULL},
                 {"POST", QUEUE "/resume", NULL}};
    static const char *const wrong[] = {"", "a secret of operator", "a secret of operators!",
                                        "A secret of operators", "a secret of operatorsa secret"};
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        for (size_t k = 0; k < ARRAY_LEN(wrong); k++)
            expect_code(ask_with(wrong[k], calls[i].method, calls[i].path, calls[i].body), 401,
                        "OPERATOR_ONLY");
        expect_code(fixture_ask(calls[i].method, calls[i].path,
                                calls[i].body == NULL ? "" : "Content-Type: application/json\r\n",
                                calls[i].body),
                    401, "OPERATOR_ONLY");
        expect_code(ask_with(fixture_token(), calls[i].method, calls[i].path, calls[i].body), 401,
                    "OPERATOR_ONLY");
    }
    ck_assert_int_eq(fake_peers_called(), 0);
}
END_TEST

START_TEST(without_a_setting_there_is_no_such_address)
{
    fixture_open_ops("", NULL, 0);
    expect_code(ask_with("", "GET", OVERVIEW, NULL), 404, "ROUTE_NOT_FOUND");
    fixture_open_ops(NULL, NULL, 0);
    expect_code(ask("GET", OVERVIEW, NULL), 404, "ROUTE_NOT_FOUND");
}
END_TEST

START_TEST(guessing_is_slow)
{
    fixture_open_ops(secret, NULL, 1);
    int limited = 0;
    for (int i = 0; i < 6; i++) {
        struct answer answer = ask_with("guess", "GET", OVERVIEW, NULL);
        limited += answer.code == 429;
        answer_done(&answer);
    }
    ck_assert_int_ge(limited, 3);
}
END_TEST

START_TEST(the_overview_has_queues_seats_and_payments)
{
    struct answer answer = ask("GET", OVERVIEW, NULL);
    ck_assert_int_eq(answer.code, 200);
    /* The main queue, and the one that the concert has. */
    ck_assert_uint_eq(json_array_size(json_object_get(answer.json, "queues")), 2);
    const json_t *queue = first_of(&answer, "queues");
    ck_assert_str_eq(json_string_value(json_object_get(queue, "queue")), "main");
    ck_assert_int_eq(number(queue, "waiting"), 1200);
    ck_assert_int_eq(number(queue, "active"), 100);
    ck_assert_int_eq(number(queue, "a_newcomer_waits_seconds"), 480);
    ck_assert(json_real_value(json_object_get(queue, "admitted_per_second")) == 2.5);
    ck_assert(json_real_value(json_object_get(queue, "longest_wait_seconds")) == 61.5);
    const json_t *policy = json_object_get(queue, "policy");
    ck_assert_str_eq(json_string_value(json_object_get(policy, "kind")), "counter");
    const json_t *seats = first_of(&answer, "seats");
    ck_assert_int_eq(number(seats, "held"), 7);
    ck_assert_int_eq(number(seats, "sold"), 40);
    ck_assert_int_eq(number(first_of(&answer, "payments"), "payments"), 40);
    ck_assert_uint_eq(json_array_size(json_object_get(answer.json, "away")), 0);
    ck_assert_ptr_null(json_object_get(answer.json, "audit"));
    answer_done(&answer);
}
END_TEST

START_TEST(a_service_that_is_away_hides_no_other)
{
    static const struct {
        enum gateway_call call;
        const char *service, *list;
    } rows[] = {{CALL_GET_QUEUE, "queue", "queues"},
                {CALL_LIST_CONCERTS, "concert", "seats"},
                {CALL_LIST_DATES, "concert", "seats"},
                {CALL_COUNT_PAYMENTS, "payment", "payments"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fake_peers_reset();
        fake_peers.statuses[rows[i].call] = ST_UNAVAILABLE;
        struct answer answer = ask("GET", OVERVIEW, NULL);
        ck_assert_int_eq(answer.code, 200);
        const json_t *away = first_of(&answer, "away");
        ck_assert_str_eq(json_string_value(json_object_get(away, "service")), rows[i].service);
        ck_assert_str_eq(json_string_value(json_object_get(away, "code")), "UNAVAILABLE");
        static const char *const lists[] = {"queues", "seats", "payments"};
        for (size_t k = 0; k < ARRAY_LEN(lists); k++)
            ck_assert_int_eq(json_array_size(json_object_get(answer.json, lists[k])) == 0,
                             strcmp(lists[k], rows[i].list) == 0);
        answer_done(&answer);
    }
}
END_TEST

START_TEST(a_queue_that_nobody_joined_yet_is_left_out)
{
    fake_peers.statuses[CALL_GET_QUEUE] = ST_QUEUE_NOT_FOUND;
    struct answer answer = ask("GET", OVERVIEW, NULL);
    ck_assert_uint_eq(json_array_size(json_object_get(answer.json, "queues")), 0);
    ck_assert_uint_eq(json_array_size(json_object_get(answer.json, "away")), 0);
    answer_done(&answer);
}
END_TEST

START_TEST(a_policy_is_set_whole_and_a_pause_outlives_it)
{
    struct answer answer = ask("POST", QUEUE "/pause", NULL);
    ck_assert_int_eq(answer.code, 200);
    ck_assert(json_is_true(json_object_get(answer.json, "paused")));
    ck_assert_int_eq(number(answer.json, "capacity"), 100); /* as before */
    answer_done(&answer);
    answer = ask("PUT", QUEUE "/policy", good_body);
    ck_assert_int_eq(answer.code, 200);
    answer_done(&answer);
    ck_assert_str_eq(fake_peers.queue, "arena");
    ck_assert_int_eq(fake_peers.policy.kind, BOXOFFICE__QUEUE__V1__POLICY_KIND__POLICY_KIND_BOTH);
    ck_assert_int_eq(fake_peers.policy.capacity, 7);
    ck_assert_int_eq(fake_peers.policy.admit_batch, 2);
    ck_assert_int_eq(fake_peers.policy.admit_interval_ms, 500);
    ck_assert_int_eq(fake_peers.policy.active_ttl_ms, 60000);
    ck_assert_int_eq(fake_peers.policy.absent_ms, 9000);
    ck_assert(fake_peers.policy.paused);
    answer = ask("POST", QUEUE "/resume", NULL);
    ck_assert(json_is_false(json_object_get(answer.json, "paused")));
    answer_done(&answer);
    ck_assert(!fake_peers.policy.paused);
}
END_TEST

START_TEST(a_bad_policy_changes_nothing)
{
    static const char *const bad[] = {
        "{}",
        "{\"kind\":\"both\"}",
        "{\"kind\":\"none\",\"capacity\":7,\"admit_batch\":2,\"admit_interval_ms\":500,"
        "\"active_ttl_ms\":60000,\"absent_ms\":9000}",
        "{\"kind\":\"both\",\"capacity\":7.5,\"admit_batch\":2,\"admit_interval_ms\":500,"
        "\"active_ttl_ms\":60000,\"absent_ms\":9000}",
        "{\"kind\":\"both\",\"capacity\":7,\"admit_batch\":2,\"admit_interval_ms\":500,"
        "\"active_ttl_ms\":60000,\"absent_ms\":9000,\"paused\":true}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        expect_code(ask("PUT", QUEUE "/policy", bad[i]), 400, "INVALID_REQUEST");
    expect_code(ask("PUT", "/ops/api/queues/No%20Such/policy", good_body), 400, "INVALID_REQUEST");
    ck_assert_int_eq(fake_peers.counts[CALL_SET_POLICY], 0);
    fake_peers.statuses[CALL_SET_POLICY] = ST_INVALID_REQUEST; /* the queue's own judgement */
    struct answer answer = ask("PUT", QUEUE "/policy", good_body);
    ck_assert_str_eq(json_string_value(json_object_get(first_of(&answer, "errors"), "pointer")),
                     "/capacity");
    expect_code(answer, 400, "INVALID_REQUEST");
    fake_peers.statuses[CALL_GET_QUEUE] = ST_QUEUE_NOT_FOUND;
    expect_code(ask("POST", QUEUE "/pause", NULL), 404, "QUEUE_NOT_FOUND");
}
END_TEST

static void show_report(const char *text, bool is_shown)
{
    char path[] = "/tmp/boxoffice-audit-XXXXXX";
    const int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
    fixture_open_ops(secret, path, 0);
    struct answer answer = ask("GET", OVERVIEW, NULL);
    ck_assert_int_eq(answer.code, 200);
    const json_t *audit = json_object_get(answer.json, "audit");
    ck_assert_int_eq(audit != NULL, is_shown);
    if (is_shown) {
        ck_assert_int_eq(number(audit, "violations"), 2);
        ck_assert_int_le(number(audit, "audited_seconds_ago"), 60);
        ck_assert_uint_eq(json_array_size(json_object_get(answer.json, "invariants")), 1);
        ck_assert_int_eq(number(first_of(&answer, "invariants"), "violations"), 2);
    }
    answer_done(&answer);
    remove(path);
}

START_TEST(the_last_audit_is_shown_when_there_is_one)
{
    show_report("{\"violations\":2,\"rows_read\":9,\"invariants\":[{\"id\":\"I1\",\"sentence\":"
                "\"one claim\",\"violations\":2,\"samples\":[\"a\"]},{\"id\":\"I2\"}]}",
                true);
    show_report("{\"violations\":2,\"rows_read\":9}", false);
    show_report("{\"invariants\":[]}", false);
    show_report("{\"violations\":", false); /* half written */
    show_report("", false);
    fixture_open_ops(secret, "/nowhere/audit.json", 0);
    struct answer answer = ask("GET", OVERVIEW, NULL);
    ck_assert_int_eq(answer.code, 200);
    answer_done(&answer);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("ops");
    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, set_up, fixture_stop);
    tcase_add_test(cases, without_the_secret_nothing_is_seen_or_done);
    tcase_add_test(cases, without_a_setting_there_is_no_such_address);
    tcase_add_test(cases, guessing_is_slow);
    tcase_add_test(cases, the_overview_has_queues_seats_and_payments);
    tcase_add_test(cases, a_service_that_is_away_hides_no_other);
    tcase_add_test(cases, a_queue_that_nobody_joined_yet_is_left_out);
    tcase_add_test(cases, a_policy_is_set_whole_and_a_pause_outlives_it);
    tcase_add_test(cases, a_bad_policy_changes_nothing);
    tcase_add_test(cases, the_last_audit_is_shown_when_there_is_one);
    Suite *suite = suite_create("gateway ops");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
