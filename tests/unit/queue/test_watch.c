#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "boxoffice/queue/v1/queue.pb-c.h"
#include "fake_queue_store.h"
#include "fake_rpc_stream.h"
#include "service_fixture.h"

typedef Boxoffice__Queue__V1__WatchTokenRequest WatchTokenRequest;

static enum status watch(char *token, struct rpc_stream *stream)
{
    WatchTokenRequest req;
    boxoffice__queue__v1__watch_token_request__init(&req);
    req.token = token;
    return method("WatchToken")->open(&ctx, rpc.self, &req, stream);
}

static void wait_for(atomic_int *value, int wanted)
{
    for (int64_t end_us = clock_monotonic_us() + PATIENCE_MS * 1000;
         atomic_load(value) < wanted && clock_monotonic_us() < end_us;)
        usleep(1000);
    ck_assert_int_eq(atomic_load(value), wanted);
}

START_TEST(a_watcher_is_told_at_once)
{
    struct rpc_stream stream = {0};
    char *token = make_token("main", 1);
    fake_store.status = PLACE_ACTIVE;
    fake_store.position = 0;
    ck_assert_int_eq(watch(token, &stream), ST_OK);
    ck_assert_int_ge(atomic_load(&stream.sent), 1);
    ck_assert_int_eq(atomic_load(&stream.released), 0);
    free(token);
    watch_list_close(watches);
    ck_assert_int_eq(atomic_load(&stream.released), 1);
    ck_assert_int_eq(atomic_load(&stream.finish_status), ST_UNAVAILABLE);
    /* Nothing changed, so nothing more was told. */
    ck_assert_int_eq(atomic_load(&stream.sent), 1);
}
END_TEST

START_TEST(a_watcher_of_an_ended_place_is_told_and_let_go)
{
    struct rpc_stream stream = {0};
    char *token = make_token("main", 1);
    fake_store.status = PLACE_EXPIRED;
    ck_assert_int_eq(watch(token, &stream), ST_OK);
    ck_assert_int_eq(atomic_load(&stream.sent), 1);
    ck_assert_int_eq(atomic_load(&stream.released), 1);
    free(token);
}
END_TEST

START_TEST(a_watcher_with_a_bad_token_is_refused)
{
    static char forged[] = "a.b.c";
    struct rpc_stream stream = {0};
    ck_assert_int_eq(watch(forged, &stream), ST_TOKEN_INVALID);
    ck_assert_int_eq(atomic_load(&stream.sent), 0);
    /* A refused stream stays the server's. */
    ck_assert_int_eq(atomic_load(&stream.released), 0);
}
END_TEST

START_TEST(a_watcher_who_is_gone_is_let_go)
{
    struct rpc_stream stream = {0};
    char *token = make_token("main", 1);
    atomic_store(&stream.is_over, true);
    ck_assert_int_eq(watch(token, &stream), ST_OK);
    wait_for(&stream.released, 1);
    ck_assert_int_eq(atomic_load(&stream.sent), 0);
    free(token);
}
END_TEST

START_TEST(nobody_watches_once_the_service_stops)
{
    struct rpc_stream stream = {0};
    char *token = make_token("main", 1);
    watch_list_close(watches);
    ck_assert_int_eq(watch(token, &stream), ST_UNAVAILABLE);
    ck_assert_int_eq(atomic_load(&stream.released), 0);
    free(token);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("queue streams");
    TCase *streams = tcase_create("streams");
    tcase_add_checked_fixture(streams, set_up, tear_down);
    tcase_add_test(streams, a_watcher_is_told_at_once);
    tcase_add_test(streams, a_watcher_of_an_ended_place_is_told_and_let_go);
    tcase_add_test(streams, a_watcher_with_a_bad_token_is_refused);
    tcase_add_test(streams, a_watcher_who_is_gone_is_let_go);
    tcase_add_test(streams, nobody_watches_once_the_service_stops);
    suite_add_tcase(suite, streams);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
