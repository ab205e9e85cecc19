/* Who may call what, and certificates that are not there. Real connections: tests/e2e/suites/tls.
 */
#include <check.h>
#include <stdlib.h>

#include "base/macros.h"
#include "log/log.h"
#include "rpc/tls.h"

static const struct {
    const char *what, *names, *name;
    bool held;
} rows[] = {
    {"the only one", "payment", "payment", true},
    {"the first", "gateway payment", "gateway", true},
    {"the last", "gateway payment", "payment", true},
    {"another", "gateway payment", "wallet", false},
    {"the beginning of one", "gateway payment", "pay", false},
    {"the end of one", "gateway payment", "way", false},
    {"more than one", "gateway payment", "payments", false},
    {"two at once", "gateway payment", "gateway payment", false},
    {"no name", "gateway payment", "", false},
    {"the blank between", "gateway payment", " ", false},
    {"other letters", "payment", "Payment", false},
    {"anybody", "*", "whoever", true},
    {"anybody without a name", "*", "", false},
    {"a star is a name like any other in a list", "gateway *", "payment", false},
    {"nobody may", NULL, "payment", false},
    {"an empty list", "", "payment", false},
    {"blanks around", "  payment  ", "payment", true},
};

START_TEST(a_list_holds_whole_names_only)
{
    ck_assert_msg(rpc_names_hold(rows[_i].names, rows[_i].name) == rows[_i].held, "%s",
                  rows[_i].what);
}
END_TEST

START_TEST(files_that_are_not_there_are_told_at_the_start)
{
    struct rpc_tls *tls = NULL;
    const struct rpc_tls_options options = {
        .ca_file = "/dev/null",
        .certificate_file = "/dev/null",
        .key_file = "/nowhere/at/all",
    };
    ck_assert_int_eq(rpc_tls_new(&options, &tls), ST_UNAVAILABLE);
    ck_assert_ptr_null(tls);
    rpc_tls_free(&tls);
}
END_TEST

int main(void)
{
    log_init("test", LOG_ERROR);
    Suite *suite = suite_create("rpc_tls");
    TCase *tests = tcase_create("callers and files");
    tcase_add_loop_test(tests, a_list_holds_whole_names_only, 0, ARRAY_LEN(rows));
    tcase_add_test(tests, files_that_are_not_there_are_told_at_the_start);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
