/* Each case runs in a process of its own: fail points fire once a process, and some end it. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "failpoint/failpoint.h"

#ifdef BOXOFFICE_FAIL_POINTS

enum { EXIT_FINE = 0, EXIT_WRONG = 9 };

/* How a process with this FAIL_AT ends, and what it says. */
static int in_process(const char *fail_at, bool (*run)(void), char *said, size_t size)
{
    int pipes[2];
    ck_assert_int_eq(pipe(pipes), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        dup2(pipes[1], STDERR_FILENO);
        if (fail_at)
            setenv("FAIL_AT", fail_at, 1);
        _exit(run() ? EXIT_FINE : EXIT_WRONG);
    }
    close(pipes[1]);
    size_t length = 0;
    ssize_t got;
    while (length + 1 < size && (got = read(pipes[0], said + length, size - 1 - length)) > 0)
        length += (size_t)got;
    said[length] = '\0';
    close(pipes[0]);
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

static bool passes(const char *step, enum failpoint_moment moment)
{
    return failpoint_hit(step, moment) == ST_OK;
}

static bool loses(const char *step, enum failpoint_moment moment)
{
    return failpoint_hit(step, moment) == ST_UNAVAILABLE;
}

static bool go_through_debit(void)
{
    return passes("debit", FAILPOINT_BEFORE) && passes("debit", FAILPOINT_AFTER);
}

static bool lose_the_answer_once(void)
{
    return passes("debit", FAILPOINT_BEFORE) && loses("debit", FAILPOINT_AFTER) &&
           passes("debit", FAILPOINT_AFTER) && passes("debits", FAILPOINT_AFTER) &&
           passes("refund", FAILPOINT_AFTER);
}

static bool lose_two_of_one_place(void)
{
    return loses("debit", FAILPOINT_AFTER) && loses("debit", FAILPOINT_AFTER) &&
           passes("debit", FAILPOINT_AFTER) && loses("refund", FAILPOINT_BEFORE);
}

static bool stand_still(void)
{
    setenv("FAIL_HANG_MS", "50", 1);
    int64_t from_us = clock_monotonic_us();
    return passes("debit", FAILPOINT_BEFORE) && clock_monotonic_us() - from_us >= 50000;
}

START_TEST(without_a_wish_nothing_fails)
{
    char said[256];
    ck_assert_int_eq(in_process(NULL, go_through_debit, said, sizeof(said)), 0);
    ck_assert_int_eq(in_process("", go_through_debit, said, sizeof(said)), 0);
    ck_assert_int_eq(in_process("credit:before", go_through_debit, said, sizeof(said)), 0);
    ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(a_crash_is_a_kill_and_says_where)
{
    static const char *const lists[] = {"debit:before", "debit:after:crash",
                                        "charge:before,debit:before:crash"};
    static const char *const words[] = {"fail point debit:before\n",
                                        "fail point debit:after:crash\n",
                                        "fail point debit:before:crash\n"};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        char said[256];
        int status = in_process(lists[i], go_through_debit, said, sizeof(said));
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        ck_assert_str_eq(said, words[i]);
    }
}
END_TEST

START_TEST(an_answer_is_lost_once_at_each_point)
{
    char said[256];
    ck_assert_int_eq(in_process("debit:after:error", lose_the_answer_once, said, sizeof(said)), 0);
    ck_assert_int_eq(in_process("debit:after:error,debit:after:error,refund:before:error",
                                lose_two_of_one_place, said, sizeof(said)),
                     0);
}
END_TEST

START_TEST(a_hang_passes)
{
    char said[256];
    ck_assert_int_eq(in_process("debit:before:hang", stand_still, said, sizeof(said)), 0);
    ck_assert_str_eq(said, "fail point debit:before:hang\n");
}
END_TEST

START_TEST(a_list_that_cannot_be_read_ends_the_process)
{
    static const char *const bad[] = {"debit",
                                      "debit:",
                                      "debit:during",
                                      "debit:before:",
                                      "debit:after:boom",
                                      ",debit:after",
                                      "debit:before:crash:x"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char said[256];
        int status = in_process(bad[i], go_through_debit, said, sizeof(said));
        ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%s", bad[i]);
        ck_assert_ptr_nonnull(strstr(said, "FAIL_AT"));
    }
}
END_TEST

#endif

int main(void)
{
    TCase *tcase = tcase_create("fail points");
#ifdef BOXOFFICE_FAIL_POINTS
    tcase_add_test(tcase, without_a_wish_nothing_fails);
    tcase_add_test(tcase, a_crash_is_a_kill_and_says_where);
    tcase_add_test(tcase, an_answer_is_lost_once_at_each_point);
    tcase_add_test(tcase, a_hang_passes);
    tcase_add_test(tcase, a_list_that_cannot_be_read_ends_the_process);
#endif

    Suite *suite = suite_create("fail points");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
