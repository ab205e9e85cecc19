/* Every line is one JSON object, whatever is put into it and however many threads write. */
#include <check.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log/log.h"

enum { THREADS = 8, LINES = 200, TEXT_MAX = 512 * 1024 };

static int standard_error;
static FILE *caught;

static void catch_standard_error(void)
{
    caught = tmpfile();
    ck_assert_ptr_nonnull(caught);
    standard_error = dup(STDERR_FILENO);
    dup2(fileno(caught), STDERR_FILENO);
}

static void restore(void)
{
    dup2(standard_error, STDERR_FILENO);
    close(standard_error);
    fclose(caught);
}

/* What was written since the last call, as text. */
static const char *written(void)
{
    static char text[TEXT_MAX];
    rewind(caught);
    const size_t size = fread(text, 1, sizeof text - 1, caught);
    text[size] = '\0';
    ck_assert_int_eq(ftruncate(fileno(caught), 0), 0);
    lseek(STDERR_FILENO, 0, SEEK_SET);
    return text;
}

static json_t *only_line(void)
{
    const char *text = written();
    ck_assert_uint_eq(strcspn(text, "\n") + 1, strlen(text));
    json_t *line = json_loads(text, 0, NULL);
    ck_assert_msg(json_is_object(line), "%s", text);
    return line;
}

static const char *member(json_t *line, const char *name)
{
    return json_string_value(json_object_get(line, name));
}

START_TEST(a_line_tells_when_who_and_what)
{
    struct ctx ctx;
    ctx_init(&ctx, NULL);
    log_init("sample", LOG_INFO);
    log_line(LOG_WARN, &ctx, "%d seats left", 3);
    json_t *line = only_line();
    ck_assert_uint_eq(json_object_size(line), 5);
    ck_assert_str_eq(member(line, "level"), "warn");
    ck_assert_str_eq(member(line, "service"), "sample");
    ck_assert_str_eq(member(line, "message"), "3 seats left");
    ck_assert_str_eq(member(line, "trace_id"), ctx.trace_id);
    ck_assert_uint_eq(strlen(member(line, "time")), strlen("2026-11-24T15:52:41.138Z"));
    json_decref(line);
}
END_TEST

START_TEST(a_line_without_a_request_has_no_trace)
{
    log_init("sample", LOG_INFO);
    log_line(LOG_ERROR, NULL, "stopped");
    json_t *line = only_line();
    ck_assert_str_eq(member(line, "level"), "error");
    ck_assert_ptr_null(json_object_get(line, "trace_id"));
    json_decref(line);
}
END_TEST

START_TEST(lines_below_the_level_are_dropped)
{
    log_init("sample", LOG_WARN);
    log_line(LOG_DEBUG, NULL, "nothing");
    log_line(LOG_INFO, NULL, "nothing");
    ck_assert_str_eq(written(), "");
    log_line(LOG_WARN, NULL, "something");
    json_decref(only_line());
}
END_TEST

START_TEST(text_of_any_kind_stays_inside_its_string)
{
    log_init("sample", LOG_INFO);
    log_line(LOG_INFO, NULL, "quote \" back \\ line\nbreak \x01 예약");
    json_t *line = only_line();
    ck_assert_str_eq(member(line, "message"), "quote \" back \\ line\nbreak \x01 예약");
    json_decref(line);
    log_line(LOG_INFO, NULL, "broken \xff\xfe");
    line = only_line();
    ck_assert_str_eq(member(line, "message"), "(not UTF-8)");
    json_decref(line);
}
END_TEST

START_TEST(a_long_message_is_cut_and_still_a_line)
{
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_init("sample", LOG_INFO);
    log_line(LOG_INFO, NULL, "%s", text);
    json_t *line = only_line();
    ck_assert_uint_eq(strlen(member(line, "message")), 1023);
    json_decref(line);
}
END_TEST

START_TEST(a_request_is_logged_with_its_status_duration_and_cause)
{
    struct ctx ctx;
    ctx_init(&ctx, NULL);
    snprintf(ctx.caller, sizeof ctx.caller, "ipv4:127.0.0.1:5");
    (void)ctx_fail(&ctx, ST_UNAVAILABLE, "postgres is away");
    log_init("sample", LOG_INFO);
    log_request(&ctx, "/x.Y/Z", ST_UNAVAILABLE, 1500);
    json_t *line = only_line();
    ck_assert_str_eq(member(line, "level"), "warn");
    ck_assert_str_eq(member(line, "message"), "/x.Y/Z");
    ck_assert_str_eq(member(line, "status"), "UNAVAILABLE");
    ck_assert_str_eq(member(line, "caller"), "ipv4:127.0.0.1:5");
    ck_assert_str_eq(member(line, "detail"), "postgres is away");
    ck_assert_double_eq(json_real_value(json_object_get(line, "duration_ms")), 1.5);
    json_decref(line);
}
END_TEST

START_TEST(the_level_of_a_request_follows_its_status)
{
    static const struct {
        enum status status;
        const char *level;
    } cases[] = {
        {ST_OK, "info"},
        {ST_SEAT_HELD, "info"},
        {ST_RATE_LIMITED, "warn"},
        {ST_OVERLOADED, "warn"},
        {ST_TIMEOUT, "warn"},
        {ST_INTERNAL, "error"},
        {ST_CONSTRAINT_VIOLATED, "error"},
    };
    struct ctx ctx;
    ctx_init(&ctx, NULL);
    log_init("sample", LOG_INFO);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        log_request(&ctx, "x", cases[i].status, 0);
        json_t *line = only_line();
        ck_assert_str_eq(member(line, "level"), cases[i].level);
        json_decref(line);
    }
}
END_TEST

static void *write_lines(void *self)
{
    (void)self;
    for (int i = 0; i < LINES; i++)
        log_line(LOG_INFO, NULL, "a line of some length, number %d of its thread", i);
    return NULL;
}

START_TEST(lines_of_many_threads_do_not_mix)
{
    pthread_t threads[THREADS];
    log_init("sample", LOG_INFO);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_lines, NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    const char *text = written();
    size_t count = 0;
    for (; *text != '\0'; count++) {
        json_error_t error;
        json_t *line = json_loads(text, JSON_DISABLE_EOF_CHECK, &error);
        ck_assert_msg(json_is_object(line), "%s", error.text);
        json_decref(line);
        text += strcspn(text, "\n") + 1;
    }
    ck_assert_uint_eq(count, THREADS * LINES);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("log");
    tcase_add_checked_fixture(cases, catch_standard_error, restore);
    tcase_add_test(cases, a_line_tells_when_who_and_what);
    tcase_add_test(cases, a_line_without_a_request_has_no_trace);
    tcase_add_test(cases, lines_below_the_level_are_dropped);
    tcase_add_test(cases, text_of_any_kind_stays_inside_its_string);
    tcase_add_test(cases, a_long_message_is_cut_and_still_a_line);
    tcase_add_test(cases, a_request_is_logged_with_its_status_duration_and_cause);
    tcase_add_test(cases, the_level_of_a_request_follows_its_status);
    tcase_add_test(cases, lines_of_many_threads_do_not_mix);
    Suite *suite = suite_create("log");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
