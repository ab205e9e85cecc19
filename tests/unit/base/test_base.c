#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/ctx.h"
#include "base/status.h"
#include "base/ticker.h"
#include "base/uuid.h"
#include "base/workers.h"

START_TEST(every_status_has_a_name_of_its_own_and_texts)
{
    for (int i = 0; i < ST_COUNT; i++) {
        const enum status status = (enum status)i;
        enum status found = ST_COUNT;
        ck_assert(status_from_name(status_name(status), &found));
        ck_assert_int_eq(found, status);
        ck_assert(status_text(status, LANGUAGE_EN)[0] != '\0');
        ck_assert(status_text(status, LANGUAGE_KO)[0] != '\0');
        ck_assert(base_is_utf8(status_text(status, LANGUAGE_KO),
                               strlen(status_text(status, LANGUAGE_KO))));
        ck_assert((status == ST_OK) == (status_http_code(status) == 200));
    }
    enum status untouched = ST_TIMEOUT;
    ck_assert(!status_from_name("NO_SUCH_STATUS", &untouched));
    ck_assert_int_eq(untouched, ST_TIMEOUT);
    ck_assert_int_eq(status_from_rpc_code(RPC_CODE_UNAVAILABLE), ST_UNAVAILABLE);
    ck_assert_int_eq(status_from_rpc_code(RPC_CODE_OK), ST_OK);
    ck_assert_int_eq(status_from_rpc_code(99), ST_INTERNAL);
}
END_TEST

START_TEST(a_full_arena_refuses_and_stays_as_it_was)
{
    unsigned char block[64] __attribute__((aligned(16)));
    struct arena arena;
    arena_init(&arena, block, sizeof block);
    ck_assert_ptr_nonnull(arena_alloc(&arena, 64));
    ck_assert_ptr_null(arena_alloc(&arena, 1));
    arena_reset(&arena);
    ck_assert_ptr_null(arena_alloc(&arena, 65));
    ck_assert_ptr_null(arena_calloc(&arena, SIZE_MAX / 2, 3));
    char *text = arena_printf(&arena, "%d-%s", 7, "x");
    ck_assert_str_eq(text, "7-x");
    const size_t mark = arena_mark(&arena);
    ck_assert_ptr_nonnull(arena_strdup(&arena, "later"));
    arena_rewind(&arena, mark);
    ck_assert_uint_eq(arena.used, mark);
}
END_TEST

START_TEST(numbers_are_read_whole_or_not_at_all)
{
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } table[] = {
        {"0", true, 0},
        {"-1", true, -1},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1x", false, 0},
        {"1.0", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        int64_t value = 42;
        ck_assert_msg(base_parse_int64(table[i].text, &value) == table[i].good, "%s",
                      table[i].text);
        ck_assert_int_eq(value, table[i].good ? table[i].value : 42);
    }
}
END_TEST

START_TEST(text_is_utf8_or_refused)
{
    static const struct {
        const char *text;
        size_t size;
        bool good;
    } table[] = {
        {"콘서트", 9, true},
        {"", 0, true},
        {"a\0b", 3, false},
        {"\xc0\xaf", 2, false},
        {"\xed\xa0\x80", 3, false},
        {"\xf4\x8f\xbf\xbf", 4, true},
        {"\xf4\x90\x80\x80", 4, false},
        {"\xe2\x82", 2, false},
        {"\x80", 1, false},
        {"\xf0\x80\x80\x80", 4, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        ck_assert_msg(base_is_utf8(table[i].text, table[i].size) == table[i].good, "row %zu", i);
    ck_assert(base_is_visible_ascii("abc~!", 5));
    ck_assert(!base_is_visible_ascii("abc~!", 4));
    ck_assert(!base_is_visible_ascii("", 4));
    ck_assert(!base_is_visible_ascii("a b", 4));
    char cut[6];
    base_copy_text(cut, sizeof cut, "abc콘"); /* 3 + 3 bytes into 5 */
    ck_assert_str_eq(cut, "abc");
    base_copy_text(cut, sizeof cut, "ab콘");
    ck_assert_str_eq(cut, "ab콘");
}
END_TEST

START_TEST(moments_are_read_as_rfc3339_has_them)
{
    static const struct {
        const char *text;
        bool good;
        int64_t wall_ms;
    } table[] = {
        {"1970-01-01T00:00:00Z", true, 0},
        {"2025-11-24T16:00:00.123Z", true, 1764000000123},
        {"2025-11-24T16:00:00.1Z", true, 1764000000100},
        {"2025-11-24T16:00:00.123999999Z", true, 1764000000123},
        {"2025-11-25T01:00:00+09:00", true, 1764000000000},
        {"2025-11-24T11:30:00-04:30", true, 1764000000000},
        {"2025-11-24T16:00:00", false, 0},
        {"2025-11-24 16:00:00Z", false, 0},
        {"2025-11-24T24:00:00Z", false, 0},
        {"2025-11-24T16:60:00Z", false, 0},
        {"2025-11-24T16:00:60Z", false, 0},
        {"2025-11-31T16:00:00Z", false, 0},
        {"2025-11-24T16:00:00.Z", false, 0},
        {"2025-11-24T16:00:00.1234567890Z", false, 0},
        {"2025-11-24T16:00:00Zx", false, 0},
        {"2025-11-24T16:00:00+9:00", false, 0},
        {"2025-11-24T16:00:00+09:60", false, 0},
        {"2025-11-24T16:00:0", false, 0},
        {"2025-11-24", false, 0},
        {"", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        int64_t wall_ms = -1;
        ck_assert_msg(clock_parse_rfc3339(table[i].text, &wall_ms) == table[i].good, "%s",
                      table[i].text);
        ck_assert_msg(wall_ms == (table[i].good ? table[i].wall_ms : -1), "%s", table[i].text);
    }
}
END_TEST

START_TEST(days_are_real_days)
{
    static const struct {
        const char *text;
        bool good;
    } table[] = {
        {"2026-11-24", true},  {"2024-02-29", true},  {"2026-02-29", false},  {"2026-13-01", false},
        {"2026-00-10", false}, {"2026-04-31", false}, {"1969-12-31", false},  {"1970-01-01", true},
        {"9999-12-31", true},  {"2026-1-1", false},   {"2026-11-24x", false}, {"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        ck_assert_msg(clock_date_is_valid(table[i].text) == table[i].good, "%s", table[i].text);
    ck_assert_int_eq(clock_date_to_wall_ms("1970-01-02"), 86400000);
    char text[CLOCK_RFC3339_SIZE], day[CLOCK_DATE_SIZE];
    clock_format_rfc3339(1764000000123, text);
    ck_assert_str_eq(text, "2025-11-24T16:00:00.123Z");
    clock_format_date(86399999, day);
    ck_assert_str_eq(day, "1970-01-01");
}
END_TEST

START_TEST(uuids_are_well_formed_and_version_7_grows)
{
    struct uuid last = {""}, next, four;
    uuid_v4(&four);
    ck_assert(uuid_is_valid(four.text));
    ck_assert_int_eq(four.text[14], '4');
    for (int i = 0; i < 10000; i++) {
        uuid_v7(&next);
        ck_assert(uuid_is_valid(next.text));
        ck_assert_int_eq(next.text[14], '7');
        ck_assert_int_gt(strcmp(next.text, last.text), 0);
        last = next;
    }
    struct uuid parsed = {"same"};
    ck_assert(uuid_parse("0190B0F0-0000-7000-8000-00000000ABCD", &parsed));
    ck_assert_str_eq(parsed.text, "0190b0f0-0000-7000-8000-00000000abcd");
    ck_assert(!uuid_is_valid("0190B0F0-0000-7000-8000-00000000ABCD"));
    ck_assert(!uuid_parse("0190b0f0-0000-7000-8000-00000000abc", &parsed));
    ck_assert(!uuid_parse("0190b0f0-0000-7000-8000-00000000abcdd", &parsed));
    ck_assert(!uuid_parse("0190b0f0+0000-7000-8000-00000000abcd", &parsed));
    ck_assert(base_hash64("a") != base_hash64("b"));
    ck_assert(base_hash64("a") == base_hash64("a"));
}
END_TEST

START_TEST(a_trace_goes_on_with_a_new_span)
{
    struct ctx ctx;
    ctx_init(&ctx, NULL);
    ck_assert(ctx_continue_trace(&ctx, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    ck_assert_str_eq(ctx.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
    ck_assert_str_eq(ctx.parent_span, "00f067aa0ba902b7");
    ck_assert(ctx.sampled);
    char header[CTX_TRACEPARENT_SIZE];
    ctx_format_traceparent(&ctx, header);
    ck_assert_uint_eq(strlen(header), CTX_TRACEPARENT_SIZE - 1);
    ck_assert_ptr_null(strstr(header, "00f067aa0ba902b7"));
    static const char *const bad[] = {
        "",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert(!ctx_continue_trace(&ctx, bad[i]));
        ck_assert_str_ne(ctx.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
        ck_assert_str_eq(ctx.parent_span, "");
    }
}
END_TEST

START_TEST(a_ctx_keeps_the_first_cause_and_bounded_facts)
{
    struct ctx ctx;
    ctx_init(&ctx, NULL);
    ck_assert_int_eq(ctx_checked(&ctx), ST_OK);
    ck_assert_int_eq(ctx_fail(&ctx, ST_TIMEOUT, "first %d", 1), ST_TIMEOUT);
    ck_assert_int_eq(ctx_fail(&ctx, ST_INTERNAL, "second"), ST_INTERNAL);
    ck_assert_str_eq(ctx.detail, "first 1");
    for (int i = 0; i < CTX_NOTES_MAX + 1; i++)
        ctx_note(&ctx, "key", "%d", i);
    ck_assert_uint_eq(ctx.note_count, CTX_NOTES_MAX);
    ck_assert_str_eq(ctx_find_note(&ctx, "key"), "0");
    ck_assert_ptr_null(ctx_find_note(&ctx, "other"));
    ctx_forgive(&ctx);
    ck_assert_int_eq(ctx.failure, ST_OK);
    for (int i = 0; i < CTX_VIOLATIONS_MAX + 1; i++)
        ctx_violate(&ctx, "/member", "bad");
    ck_assert_uint_eq(ctx.violation_count, CTX_VIOLATIONS_MAX);
    ck_assert_int_eq(ctx_checked(&ctx), ST_INVALID_REQUEST);

    ck_assert_int_eq(ctx_remaining_ms(&ctx), INT64_MAX);
    ctx_set_timeout_ms(&ctx, INT64_MAX);
    ck_assert_int_eq(ctx.deadline_us, CTX_NO_DEADLINE);
    ctx_set_timeout_ms(&ctx, 60000);
    ctx_limit_timeout_ms(&ctx, 120000);
    ck_assert_int_le(ctx_remaining_ms(&ctx), 60000);
    ctx_limit_timeout_ms(&ctx, 0);
    ck_assert(ctx_is_over(&ctx));
    ck_assert_int_eq(ctx_remaining_ms(&ctx), 0);
}
END_TEST

static void count_run(struct ctx *ctx, void *self)
{
    ck_assert_ptr_nonnull(arena_alloc(ctx->arena, 16));
    atomic_fetch_add((_Atomic int *)self, 1);
}

static void wait_until(_Atomic int *value, int wanted)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    for (int i = 0; i < 20000 && atomic_load(value) < wanted; i++)
        nanosleep(&moment, NULL);
    ck_assert_int_ge(atomic_load(value), wanted);
}

START_TEST(a_ticker_runs_at_once_when_woken_and_never_after_its_stop)
{
    _Atomic int runs = 0;
    struct ticker *ticker = ticker_start(&(struct ticker_options){.name = "test",
                                                                  .interval_ms = 3600000,
                                                                  .timeout_ms = 1000,
                                                                  .run = count_run,
                                                                  .self = &runs});
    wait_until(&runs, 1);
    ticker_wake(ticker);
    wait_until(&runs, 2);
    ticker_stop(&ticker);
    ck_assert_ptr_null(ticker);
    ck_assert_int_eq(atomic_load(&runs), 2);
}
END_TEST

struct job {
    _Atomic int *started, *done;
    pthread_mutex_t *gate;
};

static void run_job(void *self, struct arena *arena)
{
    struct job *job = self;
    ck_assert_uint_eq(arena->used, 0);
    ck_assert_ptr_nonnull(arena_alloc(arena, 8));
    atomic_fetch_add(job->started, 1);
    pthread_mutex_lock(job->gate);
    pthread_mutex_unlock(job->gate);
    atomic_fetch_add(job->done, 1);
}

START_TEST(workers_refuse_beyond_their_limit_and_finish_what_they_took)
{
    _Atomic int started = 0, done = 0;
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct job job = {&started, &done, &gate};
    struct workers *workers = workers_start(2, 3, 1024, run_job);
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 3; i++)
        ck_assert(workers_submit(workers, &job));
    ck_assert(!workers_submit(workers, &job));
    wait_until(&started, 2);
    ck_assert_uint_eq(workers_in_flight(workers), 3);
    pthread_mutex_unlock(&gate);
    workers_stop(&workers);
    ck_assert_int_eq(atomic_load(&done), 3);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("base");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, moments_are_read_as_rfc3339_has_them);
    tcase_add_test(cases, every_status_has_a_name_of_its_own_and_texts);
    tcase_add_test(cases, a_full_arena_refuses_and_stays_as_it_was);
    tcase_add_test(cases, numbers_are_read_whole_or_not_at_all);
    tcase_add_test(cases, text_is_utf8_or_refused);
    tcase_add_test(cases, days_are_real_days);
    tcase_add_test(cases, uuids_are_well_formed_and_version_7_grows);
    tcase_add_test(cases, a_trace_goes_on_with_a_new_span);
    tcase_add_test(cases, a_ctx_keeps_the_first_cause_and_bounded_facts);
    tcase_add_test(cases, a_ticker_runs_at_once_when_woken_and_never_after_its_stop);
    tcase_add_test(cases, workers_refuse_beyond_their_limit_and_finish_what_they_took);
    Suite *suite = suite_create("base");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
