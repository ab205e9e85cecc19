#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boxoffice/queue/v1/queue.pb-c.h"
#include "fake_queue_store.h"
#include "service_fixture.h"

typedef Boxoffice__Queue__V1__IssueTokenRequest IssueTokenRequest;
typedef Boxoffice__Queue__V1__IssueTokenResponse IssueTokenResponse;
typedef Boxoffice__Queue__V1__GetTokenRequest GetTokenRequest;
typedef Boxoffice__Queue__V1__GetTokenResponse GetTokenResponse;
typedef Boxoffice__Queue__V1__VerifyTokensRequest VerifyTokensRequest;
typedef Boxoffice__Queue__V1__VerifyTokensResponse VerifyTokensResponse;
typedef Boxoffice__Queue__V1__ExpireTokenRequest ExpireTokenRequest;
typedef Boxoffice__Queue__V1__ExpireTokenResponse ExpireTokenResponse;
typedef Boxoffice__Queue__V1__SetPolicyRequest SetPolicyRequest;
typedef Boxoffice__Queue__V1__SetPolicyResponse SetPolicyResponse;
typedef Boxoffice__Queue__V1__GetQueueRequest GetQueueRequest;
typedef Boxoffice__Queue__V1__GetQueueResponse GetQueueResponse;

static enum status issue(const char *user, const char *queue, IssueTokenResponse *res)
{
    IssueTokenRequest req;
    static char user_copy[80];
    static char queue_copy[80];
    boxoffice__queue__v1__issue_token_request__init(&req);
    boxoffice__queue__v1__issue_token_response__init(res);
    snprintf(user_copy, sizeof user_copy, "%s", user);
    snprintf(queue_copy, sizeof queue_copy, "%s", queue);
    req.user_id = user_copy;
    req.queue = queue_copy;
    return call("IssueToken", &req, res);
}

START_TEST(an_issued_token_says_who_holds_it_and_where)
{
    IssueTokenResponse res;
    struct token_claims claims;
    ck_assert_int_eq(issue(user_text, "", &res), ST_OK);
    ck_assert(res.created);
    ck_assert_str_eq(res.place->queue, "main");
    ck_assert_int_eq(res.place->position, 7);
    ck_assert_int_eq(res.place->ahead, 6);
    ck_assert_int_eq(res.place->estimated_wait_seconds, 7);
    ck_assert_int_eq(res.place->status, BOXOFFICE__QUEUE__V1__PLACE_STATUS__PLACE_STATUS_WAITING);
    ck_assert_int_ge(res.place->next_poll_ms, 1);
    ck_assert_int_eq(token_verify(&ctx, key, res.place->token, &claims), ST_OK);
    ck_assert_str_eq(claims.user_id.text, user_text);
    ck_assert_str_eq(claims.token_id.text, res.place->token_id);
    ck_assert_str_eq(claims.token_id.text, fake_store.token_id.text);
    ck_assert_str_eq(claims.queue, "main");
    ck_assert_int_eq(claims.sequence, 12);
    ck_assert_int_eq(claims.issued_at_unix_ms, 1795522993880);
}
END_TEST

START_TEST(asking_again_gives_the_very_same_token)
{
    IssueTokenResponse first;
    IssueTokenResponse second;
    fake_store.created = false;
    ck_assert(uuid_parse(token_text, &fake_store.issued.token_id));
    ck_assert_int_eq(issue(user_text, "", &first), ST_OK);
    ck_assert_int_eq(issue(user_text, "main", &second), ST_OK);
    ck_assert(!first.created);
    ck_assert_str_eq(first.place->token, second.place->token);
}
END_TEST

START_TEST(an_upper_case_user_is_the_same_user)
{
    IssueTokenResponse res;
    ck_assert_int_eq(issue("0190A6B2-0000-7000-8000-00000000000F", "", &res), ST_OK);
    ck_assert_str_eq(fake_store.user_id.text, "0190a6b2-0000-7000-8000-00000000000f");
}
END_TEST

START_TEST(a_bad_user_or_queue_joins_nothing)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"nobody", ""},
        {"0190a6b2-0000-7000-8000-00000000000g", ""},
        {"0190a6b2-0000-7000-8000-000000000001", "UPPER"},
        {"0190a6b2-0000-7000-8000-000000000001", "a{b}"},
        {"0190a6b2-0000-7000-8000-000000000001",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        IssueTokenResponse res;
        fresh_ctx();
        ck_assert_int_eq(issue(rows[i][0], rows[i][1], &res), ST_INVALID_REQUEST);
        ck_assert_uint_eq(ctx.violation_count, 1);
    }
    ck_assert_int_eq(fake_store.calls, 0);
}
END_TEST

static enum status get_token(char *token, GetTokenResponse *res)
{
    GetTokenRequest req;
    boxoffice__queue__v1__get_token_request__init(&req);
    boxoffice__queue__v1__get_token_response__init(res);
    req.token = token;
    return call("GetToken", &req, res);
}

START_TEST(asking_for_a_place_is_a_sign_of_life)
{
    GetTokenResponse res;
    char *token = make_token("vip", 12);
    ck_assert_int_eq(get_token(token, &res), ST_OK);
    ck_assert(fake_store.was_present);
    ck_assert_str_eq(res.place->queue, "vip");
    ck_assert_int_eq(res.place->sequence, 12);
    ck_assert_int_eq(res.place->position, 7);
    ck_assert_str_eq(res.place->token, "");
    free(token);
}
END_TEST

START_TEST(an_ended_place_is_shown_as_expired)
{
    GetTokenResponse res;
    char *token = make_token("main", 12);
    fake_store.status = PLACE_EXPIRED;
    fake_store.position = 0;
    ck_assert_int_eq(get_token(token, &res), ST_OK);
    ck_assert_int_eq(res.place->status, BOXOFFICE__QUEUE__V1__PLACE_STATUS__PLACE_STATUS_EXPIRED);
    ck_assert_int_eq(res.place->next_poll_ms, 0);
    free(token);
}
END_TEST

START_TEST(a_forged_or_never_given_token_is_invalid)
{
    GetTokenResponse res;
    char *token = make_token("main", 12);
    fake_store.status = PLACE_UNKNOWN;
    ck_assert_int_eq(get_token(token, &res), ST_TOKEN_INVALID);
    int calls = fake_store.calls;
    token[strlen(token) - 2] ^= 1;
    ck_assert_int_eq(get_token(token, &res), ST_TOKEN_INVALID);
    token[0] = '\0';
    ck_assert_int_eq(get_token(token, &res), ST_TOKEN_INVALID);
    ck_assert_int_eq(fake_store.calls, calls);
    free(token);
}
END_TEST

/* --- many at once --- */

static enum status verify(char **tokens, size_t count, VerifyTokensResponse *res)
{
    VerifyTokensRequest req;
    boxoffice__queue__v1__verify_tokens_request__init(&req);
    boxoffice__queue__v1__verify_tokens_response__init(res);
    req.tokens = tokens;
    req.n_tokens = count;
    return call("VerifyTokens", &req, res);
}

START_TEST(each_token_gets_its_own_answer_in_the_order_asked)
{
    static char forged[] = "not.a.token";
    static char empty[] = "";
    VerifyTokensResponse res;
    char *tokens[] = {make_token("main", 1), forged, make_token("vip", 2), empty,
                      make_token("main", 3)};
    fake_store.status = PLACE_ACTIVE;
    fake_store.position = 0;
    ck_assert_int_eq(verify(tokens, ARRAY_LEN(tokens), &res), ST_OK);
    ck_assert_uint_eq(res.n_states, 5);
    ck_assert_str_eq(res.states[0]->code, "OK");
    ck_assert_int_eq(res.states[0]->sequence, 1);
    ck_assert_str_eq(res.states[1]->code, "TOKEN_INVALID");
    ck_assert_str_eq(res.states[1]->user_id, "");
    ck_assert_str_eq(res.states[2]->queue, "vip");
    ck_assert_int_eq(res.states[2]->sequence, 2);
    ck_assert_str_eq(res.states[3]->code, "TOKEN_INVALID");
    ck_assert_int_eq(res.states[4]->sequence, 3);
    /* One look a queue, and checking is no sign of life. */
    ck_assert_uint_eq(fake_store.look_count, 2);
    ck_assert_uint_eq(fake_store.look_sizes[0], 2);
    ck_assert_uint_eq(fake_store.look_sizes[1], 1);
    ck_assert(!fake_store.was_present);
    free(tokens[0]);
    free(tokens[2]);
    free(tokens[4]);
}
END_TEST

static const struct turn_row {
    enum place_status status;
    const char *code;
} turn_rows[] = {
    {PLACE_ACTIVE, "OK"},
    {PLACE_WAITING, "NOT_YOUR_TURN"},
    {PLACE_EXPIRED, "TOKEN_EXPIRED"},
    {PLACE_UNKNOWN, "TOKEN_INVALID"},
};

START_TEST(only_an_active_place_has_its_turn)
{
    VerifyTokensResponse res;
    char *token = make_token("main", 1);
    fake_store.status = turn_rows[_i].status;
    ck_assert_int_eq(verify(&token, 1, &res), ST_OK);
    ck_assert_str_eq(res.states[0]->code, turn_rows[_i].code);
    ck_assert_str_eq(res.states[0]->user_id, user_text);
    ck_assert_int_eq(res.states[0]->position, 7);
    free(token);
}
END_TEST

START_TEST(at_most_256_tokens_are_checked_at_once)
{
    VerifyTokensResponse res;
    char *tokens[LOOK_MAX + 1];
    char *token = make_token("main", 1);
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++)
        tokens[i] = token;
    ck_assert_int_eq(verify(tokens, 0, &res), ST_OK);
    ck_assert_uint_eq(res.n_states, 0);
    ck_assert_int_eq(verify(tokens, LOOK_MAX, &res), ST_OK);
    ck_assert_uint_eq(res.n_states, LOOK_MAX);
    fresh_ctx();
    ck_assert_int_eq(verify(tokens, LOOK_MAX + 1, &res), ST_INVALID_REQUEST);
    free(token);
}
END_TEST

/* --- ending --- */

static enum status expire(char *user, char *token, int reason, ExpireTokenResponse *res)
{
    static char queue[] = "";
    ExpireTokenRequest req;
    boxoffice__queue__v1__expire_token_request__init(&req);
    boxoffice__queue__v1__expire_token_response__init(res);
    req.queue = queue;
    req.user_id = user;
    req.token_id = token;
    req.reason = (Boxoffice__Queue__V1__ExpireReason)reason;
    return call("ExpireToken", &req, res);
}

START_TEST(a_place_ends_with_a_reason)
{
    ExpireTokenResponse res;
    ck_assert_int_eq(expire(user_text, token_text, 1, &res), ST_OK);
    ck_assert(res.expired);
    ck_assert_int_eq(fake_store.reason, EXPIRE_LEFT);
    ck_assert_int_eq(expire(user_text, token_text, 2, &res), ST_OK);
    ck_assert_int_eq(fake_store.reason, EXPIRE_PAID);
    fake_store.expired = false;
    ck_assert_int_eq(expire(user_text, token_text, 2, &res), ST_OK);
    ck_assert(!res.expired);
}
END_TEST

START_TEST(nothing_ends_without_a_reason_or_ids)
{
    static char nonsense[] = "x";
    ExpireTokenResponse res;
    ck_assert_int_eq(expire(user_text, token_text, 0, &res), ST_INVALID_REQUEST);
    fresh_ctx();
    ck_assert_int_eq(expire(user_text, token_text, 3, &res), ST_INVALID_REQUEST);
    fresh_ctx();
    ck_assert_int_eq(expire(nonsense, token_text, 1, &res), ST_INVALID_REQUEST);
    fresh_ctx();
    ck_assert_int_eq(expire(user_text, nonsense, 1, &res), ST_INVALID_REQUEST);
    ck_assert_int_eq(fake_store.changes, 0);
}
END_TEST

/* --- policy --- */

static enum status set_policy(Boxoffice__Queue__V1__Policy *policy, SetPolicyResponse *res)
{
    static char queue[] = "vip";
    SetPolicyRequest req;
    boxoffice__queue__v1__set_policy_request__init(&req);
    boxoffice__queue__v1__set_policy_response__init(res);
    req.queue = queue;
    req.policy = policy;
    return call("SetPolicy", &req, res);
}

static void fill_policy(Boxoffice__Queue__V1__Policy *policy)
{
    boxoffice__queue__v1__policy__init(policy);
    policy->kind = BOXOFFICE__QUEUE__V1__POLICY_KIND__POLICY_KIND_BOTH;
    policy->capacity = 5;
    policy->admit_batch = 6;
    policy->admit_interval_ms = 700;
    policy->active_ttl_ms = 8000;
    policy->absent_ms = 900;
    policy->paused = 1;
}

START_TEST(a_policy_is_set_as_asked)
{
    SetPolicyResponse res;
    Boxoffice__Queue__V1__Policy policy;
    fill_policy(&policy);
    ck_assert_int_eq(set_policy(&policy, &res), ST_OK);
    ck_assert_str_eq(fake_store.queue, "vip");
    ck_assert_int_eq(fake_store.policy.kind, POLICY_BOTH);
    ck_assert_int_eq(fake_store.policy.capacity, 5);
    ck_assert_int_eq(fake_store.policy.absent_ms, 900);
    ck_assert(fake_store.policy.paused);
    ck_assert_int_eq(res.policy->kind, policy.kind);
    ck_assert_int_eq(res.policy->admit_interval_ms, 700);
}
END_TEST

START_TEST(a_policy_out_of_range_changes_nothing)
{
    SetPolicyResponse res;
    Boxoffice__Queue__V1__Policy policy;
    ck_assert_int_eq(set_policy(NULL, &res), ST_INVALID_REQUEST);
    fill_policy(&policy);
    policy.capacity = 0;
    fresh_ctx();
    ck_assert_int_eq(set_policy(&policy, &res), ST_INVALID_REQUEST);
    fill_policy(&policy);
    policy.kind = BOXOFFICE__QUEUE__V1__POLICY_KIND__POLICY_KIND_UNSPECIFIED;
    fresh_ctx();
    ck_assert_int_eq(set_policy(&policy, &res), ST_INVALID_REQUEST);
    fill_policy(&policy);
    policy.kind = (Boxoffice__Queue__V1__PolicyKind)99;
    fresh_ctx();
    ck_assert_int_eq(set_policy(&policy, &res), ST_INVALID_REQUEST);
    ck_assert_int_eq(fake_store.changes, 0);
}
END_TEST

START_TEST(a_queue_is_shown_with_its_figures)
{
    static char queue[] = "";
    GetQueueRequest req;
    GetQueueResponse res;
    boxoffice__queue__v1__get_queue_request__init(&req);
    boxoffice__queue__v1__get_queue_response__init(&res);
    req.queue = queue;
    ck_assert_int_eq(call("GetQueue", &req, &res), ST_OK);
    ck_assert_str_eq(res.queue, "main");
    ck_assert_int_eq(res.waiting, 7);
    ck_assert_int_eq(res.active, 10);
    ck_assert_int_eq(res.last_sequence, 12);
    ck_assert_int_eq(res.policy->capacity, 10);
}
END_TEST

/* --- every call of the store failing in turn --- */

enum { HANDLERS = 6 };

static enum status call_one(int which)
{
    union {
        IssueTokenResponse issue;
        GetTokenResponse get;
        VerifyTokensResponse verify;
        ExpireTokenResponse expire;
        SetPolicyResponse set_policy;
        GetQueueResponse get_queue;
    } res;
    Boxoffice__Queue__V1__Policy policy;
    static char queue[] = "main";
    GetQueueRequest get_queue;
    char *token = make_token("main", 1);
    enum status status = ST_INTERNAL;
    switch (which) {
    case 0:
        status = issue(user_text, "", &res.issue);
        break;
    case 1:
        status = get_token(token, &res.get);
        break;
    case 2:
        status = verify(&token, 1, &res.verify);
        break;
    case 3:
        status = expire(user_text, token_text, 1, &res.expire);
        break;
    case 4:
        fill_policy(&policy);
        status = set_policy(&policy, &res.set_policy);
        break;
    default:
        boxoffice__queue__v1__get_queue_request__init(&get_queue);
        boxoffice__queue__v1__get_queue_response__init(&res.get_queue);
        get_queue.queue = queue;
        status = call("GetQueue", &get_queue, &res.get_queue);
        break;
    }
    free(token);
    return status;
}

START_TEST(a_failing_store_fails_the_call_with_its_status)
{
    int store_calls = 0;
    fresh_ctx();
    ck_assert_int_eq(call_one(_i), ST_OK);
    store_calls = fake_store.calls;
    ck_assert_int_ge(store_calls, 1);
    for (int at = 1; at <= store_calls; at++) {
        fresh_ctx();
        fake_store.calls = 0;
        fake_store.fail_at = at;
        fake_store.failure = ST_UNAVAILABLE;
        ck_assert_int_eq(call_one(_i), ST_UNAVAILABLE);
        ck_assert_int_eq(fake_store.calls, at);
    }
}
END_TEST

START_TEST(a_full_arena_is_overload)
{
    SetPolicyResponse res;
    Boxoffice__Queue__V1__Policy policy;
    fill_policy(&policy);
    arena.size = 8;
    ck_assert_int_eq(set_policy(&policy, &res), ST_OVERLOADED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("queue handlers");
    TCase *handlers = tcase_create("handlers");
    tcase_add_checked_fixture(handlers, set_up, tear_down);
    tcase_add_test(handlers, an_issued_token_says_who_holds_it_and_where);
    tcase_add_test(handlers, asking_again_gives_the_very_same_token);
    tcase_add_test(handlers, an_upper_case_user_is_the_same_user);
    tcase_add_test(handlers, a_bad_user_or_queue_joins_nothing);
    tcase_add_test(handlers, asking_for_a_place_is_a_sign_of_life);
    tcase_add_test(handlers, an_ended_place_is_shown_as_expired);
    tcase_add_test(handlers, a_forged_or_never_given_token_is_invalid);
    tcase_add_test(handlers, each_token_gets_its_own_answer_in_the_order_asked);
    tcase_add_loop_test(handlers, only_an_active_place_has_its_turn, 0, (int)ARRAY_LEN(turn_rows));
    tcase_add_test(handlers, at_most_256_tokens_are_checked_at_once);
    tcase_add_test(handlers, a_place_ends_with_a_reason);
    tcase_add_test(handlers, nothing_ends_without_a_reason_or_ids);
    tcase_add_test(handlers, a_policy_is_set_as_asked);
    tcase_add_test(handlers, a_policy_out_of_range_changes_nothing);
    tcase_add_test(handlers, a_queue_is_shown_with_its_figures);
    tcase_add_loop_test(handlers, a_failing_store_fails_the_call_with_its_status, 0, HANDLERS);
    tcase_add_test(handlers, a_full_arena_is_overload);
    suite_add_tcase(suite, handlers);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
