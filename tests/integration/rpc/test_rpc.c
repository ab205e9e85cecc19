/* Calls and streams between a real server and a real client. */
#include <stdlib.h>
#include <string.h>

#include "rpc_fixture.h"

START_TEST(a_call_carries_message_trace_and_deadline)
{
    EchoResponse *response = NULL;
    ck_assert_int_eq(call_echo(&ctx, "좌석", INT64_MIN, &response), ST_OK);
    ck_assert_str_eq(response->text, "좌석");
    ck_assert_int_eq(response->number, INT64_MIN);
    wait_for_calls(&echoed, 1);
    ck_assert_str_eq(seen_trace, ctx.trace_id);
    ck_assert_int_gt(seen_left_ms, 0);
    ck_assert_int_le(seen_left_ms, 10000);
}
END_TEST

START_TEST(a_refusal_brings_its_code_notes_and_violations_but_no_detail)
{
    EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
    EchoResponse *response = NULL;
    ck_assert_int_eq(rpc_call(&ctx, client, &refuse_type, &request.base, &response),
                     ST_NOT_YOUR_TURN);
    ck_assert_str_eq(ctx_find_note(&ctx, "position"), "17");
    ck_assert_uint_eq(ctx.violation_count, 1);
    ck_assert_str_eq(ctx.violations[0].pointer, "/seat_no");
    ck_assert_str_eq(ctx.violations[0].description, "must be 1 to 50");
    ck_assert_ptr_null(strstr(ctx.detail, "secret"));
}
END_TEST

START_TEST(a_deadline_ends_the_wait_on_both_sides)
{
    EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
    EchoResponse *response = NULL;
    pthread_mutex_lock(&gate);
    fresh_ctx(100);
    ck_assert_int_eq(rpc_call(&ctx, client, &wait_type, &request.base, &response), ST_TIMEOUT);
    ctx_forgive(&ctx);
    ck_assert_int_eq(rpc_call(&ctx, client, &wait_type, &request.base, &response), ST_TIMEOUT);
    ck_assert_int_eq(atomic_load(&waiting), 1); /* the second was over before it was sent */
    pthread_mutex_unlock(&gate);
}
END_TEST

START_TEST(a_stream_brings_the_newest_and_ends_with_its_status)
{
    struct watcher watcher = {0};
    struct rpc_subscription *subscription = subscribe(1000, &watcher);
    for (int i = 0; i < 10000 && atomic_load(&watcher.newest) != 1000; i++)
        pause_ms(1);
    ck_assert_int_eq(atomic_load(&watcher.newest), 1000);
    ck_assert_int_le(atomic_load(&watcher.messages), 1000);
    struct rpc_stream *stream = take_open_stream();
    rpc_stream_finish(stream, ST_QUEUE_NOT_FOUND);
    rpc_stream_release(&stream);
    wait_for(&watcher.ended, 1);
    ck_assert_int_eq(watcher.status, ST_QUEUE_NOT_FOUND);
    rpc_unsubscribe(&subscription);
    ck_assert_int_eq(atomic_load(&watcher.ended), 1);
}
END_TEST

START_TEST(a_stream_is_pushed_while_calls_wait)
{
    enum status statuses[3];
    pthread_t threads[3];
    struct watcher watcher = {0};
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, call_wait, &statuses[i]);
    wait_for(&waiting, 3);
    struct rpc_subscription *subscription = subscribe(1, &watcher);
    wait_for(&watcher.messages, 1);
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(statuses[i], ST_OK);
    }
    rpc_unsubscribe(&subscription);
    struct rpc_stream *stream = take_open_stream();
    rpc_stream_release(&stream);
}
END_TEST

START_TEST(a_reader_that_goes_away_is_noticed)
{
    struct watcher watcher = {0};
    struct rpc_subscription *subscription = subscribe(1, &watcher);
    wait_for(&watcher.messages, 1);
    rpc_unsubscribe(&subscription);
    ck_assert_int_eq(watcher.status, ST_CANCELLED);
    struct rpc_stream *stream = take_open_stream();
    for (int i = 0; i < 10000 && !rpc_stream_is_over(stream); i++)
        pause_ms(1);
    EchoResponse response = TEST__V1__ECHO_RESPONSE__INIT;
    ck_assert(!rpc_stream_send(stream, &response.base));
    rpc_stream_release(&stream);
}
END_TEST

START_TEST(a_stream_that_is_refused_ends_with_the_refusal)
{
    struct watcher watcher = {0};
    struct rpc_subscription *subscription = subscribe(-1, &watcher);
    wait_for(&watcher.ended, 1);
    ck_assert_int_eq(watcher.status, ST_TOKEN_EXPIRED);
    ck_assert_int_eq(atomic_load(&watcher.messages), 0);
    rpc_unsubscribe(&subscription);
}
END_TEST

START_TEST(a_trace_goes_on_through_every_hop)
{
    EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
    EchoResponse *response = NULL;
    ck_assert(ctx_continue_trace(&ctx, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    ck_assert_int_eq(rpc_call(&ctx, client, &relay_type, &request.base, &response), ST_OK);
    wait_for_calls(&echoed, 1);
    ck_assert_str_eq(seen_trace, "0af7651916cd43dd8448eb211c80319c");
    /* The relay stands between: its span is the parent of the last hop's, not ours. */
    ck_assert_uint_eq(strlen(seen_parent), 16);
    ck_assert_str_ne(seen_parent, ctx.span_id);
    ck_assert_int_eq(call_echo(&ctx, "", 0, &response), ST_OK);
    wait_for_calls(&echoed, 2);
    ck_assert_str_eq(seen_parent, ctx.span_id);
}
END_TEST

START_TEST(a_refusal_further_on_reaches_the_first_caller)
{
    EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
    EchoResponse *response = NULL;
    request.number = -1;
    ck_assert_int_eq(rpc_call(&ctx, client, &relay_type, &request.base, &response),
                     ST_NOT_YOUR_TURN);
    ck_assert_str_eq(ctx_find_note(&ctx, "position"), "17");
}
END_TEST

START_TEST(many_threads_get_each_their_own_answer)
{
    struct load load;
    load_begin(&load);
    wait_for_calls(&load.answered, 2000);
    load_end(&load);
    /* In flight there are at most 6 here, and 8 call: some are refused, none is lost. */
    ck_assert_int_eq(atomic_load(&load.answered), atomic_load(&echoed));
    ck_assert(load.failed == 0 || load.first_failure == ST_OVERLOADED);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        a_call_carries_message_trace_and_deadline,
        a_refusal_brings_its_code_notes_and_violations_but_no_detail,
        a_deadline_ends_the_wait_on_both_sides,
        a_trace_goes_on_through_every_hop,
        a_refusal_further_on_reaches_the_first_caller,
        many_threads_get_each_their_own_answer,
        a_stream_brings_the_newest_and_ends_with_its_status,
        a_stream_is_pushed_while_calls_wait,
        a_reader_that_goes_away_is_noticed,
        a_stream_that_is_refused_ends_with_the_refusal,
    };
    return run_tests("rpc", set_up, tear_down, tests, ARRAY_LEN(tests));
}
