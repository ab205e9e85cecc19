/* The proof of order over planted admission logs. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ctx.h"
#include "db/migrate.h"
#include "order.h"
#include "support/postgres.h"

enum { ARENA_SIZE = 1024 * 1024, TIMEOUT_MS = 60000 };

extern const struct db_migration queue_migrations[];
extern const size_t queue_migration_count;

static struct support_postgres postgres;
static char owner_url[SUPPORT_URL_SIZE];
static char app_url[SUPPORT_URL_SIZE];
static unsigned char block[ARENA_SIZE];
static struct arena arena;
static struct ctx ctx;

static void fresh_ctx(void)
{
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, TIMEOUT_MS);
}

static void start(void)
{
    support_postgres_start(&postgres);
    support_postgres_add_service(&postgres, "queue", owner_url, app_url);
    fresh_ctx();
    ck_assert_int_eq(db_migrate(&ctx, owner_url, queue_migrations, queue_migration_count), ST_OK);
}

static void stop(void)
{
    support_postgres_stop(&postgres);
}

static void set_up(void)
{
    (void)support_postgres_psql(owner_url,
                                "TRUNCATE line_event, line; INSERT INTO line (queue, epoch, "
                                "watermark) VALUES ('main', 1, 10000), ('other', 1, 10000)");
}

/* One entry of user `sequence` in a queue's log. */
static void plant(const char *queue, int epoch, int entry, const char *event, const char *reason,
                  int sequence)
{
    char sql[640];
    snprintf(sql, sizeof sql,
             "INSERT INTO line_event (queue, epoch, entry, event, reason, sequence, user_id, "
             "token_id, issued_at, at, expires_at, active) VALUES ('%s', %d, %d, '%s', '%s', %d, "
             "'0190a6b2-0000-7000-8000-%012d', '0190a6b2-0000-7000-9000-%012d', now(), now(), "
             "CASE WHEN '%s' = 'ADMITTED' THEN now() END, 1)",
             queue, epoch, entry, event, reason, sequence, sequence, sequence, event);
    (void)support_postgres_psql(owner_url, sql);
}

static struct order_report verify(void)
{
    struct order_report report;
    fresh_ctx();
    enum status status = order_verify(&ctx, app_url, "main", NULL, &report);
    ck_assert_msg(status == ST_OK, "%s: %s", status_name(status), ctx.detail);
    return report;
}

START_TEST(a_log_in_order_has_no_inversion)
{
    plant("main", 1, 1, "ADMITTED", "TURN", 1);
    plant("main", 1, 2, "SKIPPED", "ABSENT", 2);
    plant("main", 1, 3, "SKIPPED", "ABSENT", 3);
    plant("main", 1, 4, "ADMITTED", "TURN", 4);
    plant("main", 1, 5, "ADMITTED", "RETURNED", 2);
    plant("main", 1, 6, "ENDED", "LAPSED", 3);
    /* After a loss of Redis somebody comes back late. */
    plant("main", 2, 1, "ADMITTED", "TURN", 10001);
    plant("main", 2, 2, "ADMITTED", "RETURNED", 5);
    plant("other", 1, 1, "ADMITTED", "TURN", 9);
    plant("other", 1, 2, "ADMITTED", "TURN", 8);
    struct order_report report = verify();
    ck_assert_int_eq(report.admitted, 5);
    ck_assert_int_eq(report.in_turn, 3);
    ck_assert_int_eq(report.returned, 2);
    ck_assert_int_eq(report.skipped, 2);
    ck_assert_int_eq(report.skipped_lapsed, 1);
    ck_assert_int_eq(report.inversions, 0);
}
END_TEST

START_TEST(whoever_was_let_in_too_early_is_an_inversion_for_those_behind)
{
    plant("main", 1, 1, "ADMITTED", "TURN", 1);
    plant("main", 1, 2, "ADMITTED", "TURN", 5);
    plant("main", 1, 3, "ADMITTED", "TURN", 2);
    plant("main", 1, 4, "ADMITTED", "TURN", 3);
    ck_assert_int_eq(verify().inversions, 2);
}
END_TEST

START_TEST(a_number_admitted_twice_is_an_inversion)
{
    plant("main", 1, 1, "ADMITTED", "TURN", 1);
    plant("main", 1, 2, "ADMITTED", "TURN", 1);
    ck_assert_int_eq(verify().inversions, 1);
}
END_TEST

START_TEST(nobody_returns_who_was_not_away)
{
    plant("main", 1, 1, "ADMITTED", "TURN", 2);
    plant("main", 1, 2, "ADMITTED", "RETURNED", 1);
    /* Being skipped later is no excuse. */
    plant("main", 1, 3, "SKIPPED", "ABSENT", 1);
    ck_assert_int_eq(verify().inversions, 1);
}
END_TEST

START_TEST(the_list_has_every_admission_and_skip_in_order)
{
    char *text = NULL;
    size_t size = 0;
    struct order_report report;
    (void)support_postgres_psql(
        owner_url,
        "INSERT INTO line_event (queue, epoch, entry, event, reason, sequence, user_id, token_id, "
        "issued_at, at, expires_at, active) SELECT 'main', 1, n, 'ADMITTED', 'TURN', n, "
        "gen_random_uuid(), gen_random_uuid(), now(), now(), now(), 1 FROM "
        "generate_series(1, 1200) n");
    plant("main", 1, 1201, "SKIPPED", "ABSENT", 1201);
    plant("main", 1, 1202, "ENDED", "LEFT", 1);
    FILE *out = open_memstream(&text, &size);
    fresh_ctx();
    ck_assert_int_eq(order_verify(&ctx, app_url, "main", out, &report), ST_OK);
    ck_assert_int_eq(fclose(out), 0);
    int lines = 0;
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        char wanted[32];
        lines++;
        snprintf(wanted, sizeof wanted, "entry %d\n", lines);
        const char *found = strstr(line, "entry ");
        ck_assert_msg(found && strncmp(found, wanted, strlen(wanted)) == 0, "line %d", lines);
    }
    ck_assert_int_eq(lines, 1201);
    ck_assert_int_eq(report.admitted, 1200);
    ck_assert_int_eq(report.inversions, 0);
    free(text);
}
END_TEST

START_TEST(a_queue_that_is_not_there_is_told)
{
    struct order_report report;
    fresh_ctx();
    ck_assert_int_eq(order_verify(&ctx, app_url, "nowhere", NULL, &report), ST_QUEUE_NOT_FOUND);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("the proof of order");
    TCase *order = tcase_create("order");
    tcase_set_timeout(order, 120);
    tcase_add_unchecked_fixture(order, start, stop);
    tcase_add_checked_fixture(order, set_up, NULL);
    tcase_add_test(order, a_log_in_order_has_no_inversion);
    tcase_add_test(order, whoever_was_let_in_too_early_is_an_inversion_for_those_behind);
    tcase_add_test(order, a_number_admitted_twice_is_an_inversion);
    tcase_add_test(order, nobody_returns_who_was_not_away);
    tcase_add_test(order, the_list_has_every_admission_and_skip_in_order);
    tcase_add_test(order, a_queue_that_is_not_there_is_told);
    suite_add_tcase(suite, order);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
