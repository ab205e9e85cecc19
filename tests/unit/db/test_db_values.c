/* The parts of lib/db that need no server: parameters, rows, the meaning of a SQLSTATE. */
#include <check.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "db/db.h"
#include "db/rows.h"
#include "db/sqlstate.h"

static unsigned char block[4096];
static struct arena arena;
static struct ctx ctx;

static void set_up(void)
{
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
}

START_TEST(every_sqlstate_has_a_meaning)
{
    static const struct {
        const char *state;
        enum status status;
    } cases[] = {
        {NULL, ST_UNAVAILABLE},
        {"57014", ST_TIMEOUT},
        {"55P03", ST_TIMEOUT},
        {"25P03", ST_TIMEOUT},
        {"40001", ST_CONFLICT},
        {"40P01", ST_CONFLICT},
        {"23505", ST_CONSTRAINT_VIOLATED},
        {"23514", ST_CONSTRAINT_VIOLATED},
        {"08006", ST_UNAVAILABLE},
        {"57P01", ST_UNAVAILABLE},
        {"25006", ST_UNAVAILABLE},
        {"53300", ST_UNAVAILABLE},
        {"28P01", ST_UNAVAILABLE},
        {"3D000", ST_UNAVAILABLE},
        {"53100", ST_OVERLOADED}, /* disk full */
        {"53200", ST_OVERLOADED}, /* out of memory */
        {"42601", ST_INTERNAL},   /* our own mistake */
        {"22P02", ST_INTERNAL},
        {"", ST_INTERNAL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(db_status_of_sqlstate(cases[i].state) == cases[i].status, "%s",
                      cases[i].state == NULL ? "NULL" : cases[i].state);
}
END_TEST

START_TEST(parameters_are_written_as_postgres_reads_them)
{
    struct db_params params;
    db_params_init(&params, &ctx);
    db_add_int64(&params, INT64_MIN);
    db_add_bool(&params, true);
    db_add_bool(&params, false);
    db_add_text(&params, "as it is");
    db_add_text(&params, NULL);
    db_add_text_array(&params, (const char *[]){"plain", "with \"quotes\" and \\", "", NULL}, 4);
    db_add_text_array(&params, NULL, 0);
    db_add_int64_array(&params, (const int64_t[]){-1, INT64_MAX}, 2);
    db_add_int64_array(&params, NULL, 0);
    ck_assert(!params.failed);
    ck_assert_uint_eq(params.count, 9);
    ck_assert_str_eq(params.values[0], "-9223372036854775808");
    ck_assert_str_eq(params.values[1], "t");
    ck_assert_str_eq(params.values[2], "f");
    ck_assert_str_eq(params.values[3], "as it is");
    ck_assert_ptr_null(params.values[4]);
    ck_assert_str_eq(params.values[5], "{\"plain\",\"with \\\"quotes\\\" and \\\\\",\"\",NULL}");
    ck_assert_str_eq(params.values[6], "{}");
    ck_assert_str_eq(params.values[7], "{-1,9223372036854775807}");
    ck_assert_str_eq(params.values[8], "{}");
}
END_TEST

START_TEST(one_parameter_too_many_fails_the_statement)
{
    struct db_params params;
    db_params_init(&params, &ctx);
    for (int i = 0; i < DB_PARAMS_MAX; i++)
        db_add_text(&params, "x");
    ck_assert(!params.failed);
    db_add_text(&params, "x");
    ck_assert(params.failed);
    ck_assert_uint_eq(params.count, DB_PARAMS_MAX);
}
END_TEST

START_TEST(a_parameter_that_does_not_fit_the_arena_fails_the_statement)
{
    struct db_params params;
    int64_t many[256] = {0};
    db_params_init(&params, &ctx);
    db_add_int64_array(&params, many, ARRAY_LEN(many));
    ck_assert(params.failed);
    db_params_init(&params, &ctx);
    while (arena_alloc(&arena, 8) != NULL)
        ;
    db_add_int64(&params, 1);
    ck_assert(params.failed);
}
END_TEST

/* A result as libpq would give it. */
static PGresult *make_result(int columns, int rows, const char *const cells[])
{
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    static char name[] = "c";
    PGresAttDesc descriptions[8] = {0};
    for (int i = 0; i < columns; i++)
        descriptions[i].name = name;
    ck_assert_int_eq(PQsetResultAttrs(result, columns, descriptions), 1);
    for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
            const char *cell = cells[row * columns + column];
            char copy[64] = "";
            snprintf(copy, sizeof copy, "%s", cell == NULL ? "" : cell);
            ck_assert_int_eq(PQsetvalue(result, row, column, cell == NULL ? NULL : copy,
                                        cell == NULL ? -1 : (int)strlen(copy)),
                             1);
        }
    }
    return result;
}

START_TEST(rows_are_copied_and_read_by_kind)
{
    struct db_rows rows;
    const uint8_t *bytes;
    size_t size;
    PGresult *result =
        make_result(4, 2, (const char *[]){"-5", "t", "text", "\\x00ff10", NULL, "f", NULL, NULL});
    ck_assert_int_eq(db_rows_copy(&ctx, result, &rows), ST_OK);
    PQclear(result);
    ck_assert_uint_eq(rows.row_count, 2);
    ck_assert_uint_eq(rows.column_count, 4);
    ck_assert_int_eq(db_int64(&rows, 0, 0), -5);
    ck_assert(db_bool(&rows, 0, 1));
    ck_assert_str_eq(db_text(&rows, 0, 2), "text");
    ck_assert_int_eq(db_bytes(&ctx, &rows, 0, 3, &bytes, &size), ST_OK);
    ck_assert_uint_eq(size, 3);
    ck_assert_mem_eq(bytes, "\x00\xff\x10", 3);
    ck_assert(db_is_null(&rows, 1, 0));
    ck_assert_int_eq(db_int64(&rows, 1, 0), 0);
    ck_assert(!db_bool(&rows, 1, 1));
    ck_assert_str_eq(db_text(&rows, 1, 2), "");
    ck_assert_int_eq(db_bytes(&ctx, &rows, 1, 3, &bytes, &size), ST_OK);
    ck_assert_uint_eq(size, 0);
}
END_TEST

START_TEST(rows_that_do_not_fit_the_arena_are_refused)
{
    struct db_rows rows = {.row_count = 77};
    PGresult *result = make_result(1, 1, (const char *[]){"some text that needs room"});
    ck_assert_ptr_nonnull(arena_alloc(&arena, sizeof block - 24));
    ck_assert_int_eq(db_rows_copy(&ctx, result, &rows), ST_OVERLOADED);
    ck_assert_uint_eq(rows.row_count, 77);
    PQclear(result);
}
END_TEST

START_TEST(rows_for_many_go_to_whom_they_belong)
{
    struct db_rows rows[3];
    struct db_part parts[3];
    for (size_t i = 0; i < 3; i++)
        parts[i] = (struct db_part){.ctx = &ctx, .rows = &rows[i]};
    PGresult *result = make_result(2, 3, (const char *[]){"3", "c", "1", "a", "3", NULL});
    db_rows_spread(result, parts, 3);
    PQclear(result);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(parts[i].status, ST_OK);
        ck_assert_uint_eq(rows[i].column_count, 1);
    }
    ck_assert_uint_eq(rows[0].row_count, 1);
    ck_assert_str_eq(db_text(&rows[0], 0, 0), "a");
    ck_assert_uint_eq(rows[1].row_count, 0);
    ck_assert_uint_eq(rows[2].row_count, 2);
    ck_assert_str_eq(db_text(&rows[2], 0, 0), "c");
    ck_assert(db_is_null(&rows[2], 1, 0));
}
END_TEST

START_TEST(one_full_arena_among_many_costs_only_its_owner)
{
    unsigned char small_block[16];
    struct arena small;
    struct ctx poor;
    struct db_rows rows[2];
    arena_init(&small, small_block, sizeof small_block);
    ctx_init(&poor, &small);
    struct db_part parts[2] = {{.ctx = &poor, .rows = &rows[0]}, {.ctx = &ctx, .rows = &rows[1]}};
    PGresult *result = make_result(
        2, 2, (const char *[]){"1", "more than sixteen bytes", "2", "more than sixteen bytes"});
    db_rows_spread(result, parts, 2);
    PQclear(result);
    ck_assert_int_eq(parts[0].status, ST_OVERLOADED);
    ck_assert_int_eq(poor.failure, ST_OVERLOADED);
    ck_assert_int_eq(parts[1].status, ST_OK);
    ck_assert_str_eq(db_text(&rows[1], 0, 0), "more than sixteen bytes");
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("db");
    tcase_add_checked_fixture(cases, set_up, NULL);
    tcase_add_test(cases, every_sqlstate_has_a_meaning);
    tcase_add_test(cases, parameters_are_written_as_postgres_reads_them);
    tcase_add_test(cases, one_parameter_too_many_fails_the_statement);
    tcase_add_test(cases, a_parameter_that_does_not_fit_the_arena_fails_the_statement);
    tcase_add_test(cases, rows_are_copied_and_read_by_kind);
    tcase_add_test(cases, rows_that_do_not_fit_the_arena_are_refused);
    tcase_add_test(cases, rows_for_many_go_to_whom_they_belong);
    tcase_add_test(cases, one_full_arena_among_many_costs_only_its_owner);
    Suite *suite = suite_create("db");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
