/* What Prometheus reads, byte for byte, and counts that no thread loses. */
#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics.h"

enum { THREADS = 4, ADDITIONS = 20000 };

/* Whether the exposition holds this text. */
static bool shows(const char *wanted)
{
    size_t size;
    char *text = metrics_render(&size);
    ck_assert_uint_eq(strlen(text), size);
    const bool found = strstr(text, wanted) != NULL;
    if (!found)
        fprintf(stderr, "no \"%s\" in:\n%s", wanted, text);
    free(text);
    return found;
}

START_TEST(a_counter_is_written_with_help_type_and_labels)
{
    metrics_add(metrics_counter("t_holds_total", "outcome=\"made\"", "Holds."), 3);
    metrics_add(metrics_counter("t_holds_total", "outcome=\"lapsed\"", "ignored"), 1);
    ck_assert(shows("# HELP t_holds_total Holds.\n# TYPE t_holds_total counter\n"
                    "t_holds_total{outcome=\"lapsed\"} 1\nt_holds_total{outcome=\"made\"} 3\n"));
}
END_TEST

START_TEST(the_same_name_and_labels_are_the_same_metric)
{
    struct metrics_counter *one = metrics_counter("t_same_total", "a=\"1\"", "x");
    ck_assert_ptr_eq(one, metrics_counter("t_same_total", "a=\"1\"", "x"));
    ck_assert_ptr_ne(one, metrics_counter("t_same_total", "a=\"2\"", "x"));
    metrics_add(one, 2);
    ck_assert_uint_eq(metrics_counter_value(metrics_counter("t_same_total", "a=\"1\"", "x")), 2);
}
END_TEST

START_TEST(a_gauge_is_set_and_moved_both_ways)
{
    struct metrics_gauge *gauge = metrics_gauge("t_waiting", "", "Waiting.");
    metrics_set(gauge, 5);
    metrics_move(gauge, -7);
    ck_assert_int_eq(metrics_gauge_value(gauge), -2);
    ck_assert(shows("# TYPE t_waiting gauge\nt_waiting -2\n"));
}
END_TEST

START_TEST(a_histogram_counts_up_to_each_bound)
{
    static const double bounds[] = {0.1, 1};
    struct metrics_histogram *histogram =
        metrics_histogram("t_seconds", "method=\"x\"", "Time.", bounds, ARRAY_LEN(bounds));
    metrics_observe(histogram, 0.1); /* a bound belongs to its bucket */
    metrics_observe(histogram, 0.25);
    metrics_observe(histogram, 2);
    ck_assert(shows("t_seconds_bucket{method=\"x\",le=\"0.1\"} 1\n"
                    "t_seconds_bucket{method=\"x\",le=\"1\"} 2\n"
                    "t_seconds_bucket{method=\"x\",le=\"+Inf\"} 3\n"
                    "t_seconds_sum{method=\"x\"} 2.35\n"
                    "t_seconds_count{method=\"x\"} 3\n"));
}
END_TEST

START_TEST(a_histogram_without_bounds_has_latency_buckets)
{
    metrics_observe(metrics_histogram("t_default_seconds", "", "Time.", NULL, 0), 0.0004);
    ck_assert(shows("t_default_seconds_bucket{le=\"0.0005\"} 1\n"));
    ck_assert(shows("t_default_seconds_bucket{le=\"10\"} 1\n"));
}
END_TEST

static void *add_many(void *self)
{
    (void)self;
    for (int i = 0; i < ADDITIONS; i++) {
        metrics_add(metrics_counter("t_race_total", "", "x"), 1);
        metrics_observe(metrics_histogram("t_race_seconds", "", "x", NULL, 0), 0.001);
    }
    return NULL;
}

START_TEST(no_thread_loses_a_count)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, add_many, NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert(shows("t_race_total 80000\n"));
    ck_assert(shows("t_race_seconds_count 80000\n"));
}
END_TEST

static void collect(void *self)
{
    int *calls = self;
    metrics_set(metrics_gauge("t_collected", "", "x"), ++*calls);
}

START_TEST(collectors_run_before_each_rendering)
{
    static int calls;
    metrics_on_collect(collect, &calls);
    ck_assert(shows("t_collected 1\n"));
    ck_assert(shows("t_collected 2\n"));
}
END_TEST

START_TEST(the_process_tells_of_itself)
{
    ck_assert(shows("# TYPE process_cpu_seconds_total counter\n"));
    ck_assert(shows("# TYPE process_resident_memory_bytes gauge\n"));
    ck_assert(shows("# TYPE process_open_fds gauge\n"));
}
END_TEST

/* The last test: it fills the table. */
START_TEST(beyond_the_limit_metrics_still_work_and_are_not_shown)
{
    char labels[32];
    for (int i = 0; i < METRICS_MAX; i++) {
        snprintf(labels, sizeof labels, "n=\"%d\"", i);
        metrics_add(metrics_counter("t_full_total", labels, "x"), 1);
    }
    struct metrics_counter *surplus = metrics_counter("t_late_total", "", "x");
    ck_assert_ptr_nonnull(surplus);
    ck_assert_ptr_eq(surplus, metrics_counter("t_later_total", "", "x"));
    metrics_add(surplus, 1);
    size_t size;
    char *text = metrics_render(&size);
    ck_assert_ptr_null(strstr(text, "t_late_total"));
    ck_assert_ptr_null(strstr(text, "surplus"));
    free(text);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("metrics");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, a_counter_is_written_with_help_type_and_labels);
    tcase_add_test(cases, the_same_name_and_labels_are_the_same_metric);
    tcase_add_test(cases, a_gauge_is_set_and_moved_both_ways);
    tcase_add_test(cases, a_histogram_counts_up_to_each_bound);
    tcase_add_test(cases, a_histogram_without_bounds_has_latency_buckets);
    tcase_add_test(cases, no_thread_loses_a_count);
    tcase_add_test(cases, collectors_run_before_each_rendering);
    tcase_add_test(cases, the_process_tells_of_itself);
    tcase_add_test(cases, beyond_the_limit_metrics_still_work_and_are_not_shown);
    Suite *suite = suite_create("metrics");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
