#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "db/db.h"
#include "db/migrate.h"
#include "support/postgres.h"

enum { THREADS = 32, ROUNDS = 20, ARENA_SIZE = 256 * 1024 };

static struct support_postgres postgres;
static struct db *db;
static unsigned char block[ARENA_SIZE];
static struct arena arena;
static struct ctx ctx;

static const struct db_statement insert = {
    .name = "insert",
    .sql = "INSERT INTO item (id, grp) VALUES ($1, $2) RETURNING id",
    .mode = DB_WRITE,
};
static const struct db_statement insert_locked = {
    .name = "insert_locked",
    .sql = "INSERT INTO item (id, grp) VALUES ($1, $2) RETURNING id",
    .mode = DB_WRITE_LOCKED,
};
static const struct db_statement count_items = {
    .name = "count", .sql = "SELECT count(*) FROM item", .mode = DB_READ};

/* Refuses a negative grp by the table's check, and makes no row for an id that is there. */
static const struct db_statement insert_many = {
    .name = "insert_many",
    .sql =
        "WITH made AS (INSERT INTO item (id, grp) SELECT * FROM unnest($1::bigint[], $2::bigint[])"
        " ON CONFLICT DO NOTHING RETURNING id, grp)"
        " SELECT array_position($1::bigint[], id), id, grp FROM made",
    .mode = DB_WRITE_LOCKED,
    .takes_many = true,
};

static struct db *open_db(const struct db_options *wanted)
{
    struct db_options options = *wanted;
    options.url = postgres.url;
    options.application_name = "test";
    struct db *made = NULL;
    ck_assert_int_eq(db_new(&options, &made), ST_OK);
    return made;
}

static void fresh_ctx(int64_t timeout_ms)
{
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, timeout_ms);
}

static void set_up(void)
{
    fresh_ctx(20000);
    support_postgres_psql(postgres.url, "DROP TABLE IF EXISTS item; CREATE TABLE item (id bigint "
                                        "PRIMARY KEY, grp bigint CHECK (grp >= 0));");
    db = open_db(&(struct db_options){0});
}

static void tear_down(void)
{
    db_free(&db);
}

static enum status insert_item(struct ctx *at, struct db *into,
                               const struct db_statement *statement, int64_t id, int64_t group)
{
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, at);
    db_add_int64(&params, id);
    db_add_int64(&params, group);
    TRY(db_run(at, into, statement, &params, (uint64_t)group, &rows));
    ck_assert_int_eq(db_int64(&rows, 0, 0), id);
    return ST_OK;
}

static int64_t item_count(void)
{
    struct db_rows rows;
    ck_assert_int_eq(db_run(&ctx, db, &count_items, NULL, 0, &rows), ST_OK);
    return db_int64(&rows, 0, 0);
}

START_TEST(values_of_every_kind_come_back_as_they_went)
{
    static const struct db_statement echo = {
        .name = "echo",
        .sql = "SELECT $1::bigint, $2::bool, $3::text, $4::text, ($5::text[])[2],"
               " ($6::bigint[])[1], '\\x00ff41'::bytea",
        .mode = DB_READ,
    };
    struct db_params params;
    struct db_rows rows;
    db_params_init(&params, &ctx);
    db_add_int64(&params, INT64_MIN);
    db_add_bool(&params, true);
    db_add_text(&params, "콘서트 \"quoted\" \\ back");
    db_add_text(&params, NULL);
    db_add_text_array(&params, (const char *const[]){"plain", "a\"b\\c,{}"}, 2);
    db_add_int64_array(&params, (const int64_t[]){INT64_MAX, -1}, 2);
    ck_assert_int_eq(db_run(&ctx, db, &echo, &params, 0, &rows), ST_OK);
    ck_assert_int_eq(db_int64(&rows, 0, 0), INT64_MIN);
    ck_assert(db_bool(&rows, 0, 1));
    ck_assert_str_eq(db_text(&rows, 0, 2), "콘서트 \"quoted\" \\ back");
    ck_assert(db_is_null(&rows, 0, 3));
    ck_assert_str_eq(db_text(&rows, 0, 4), "a\"b\\c,{}");
    ck_assert_int_eq(db_int64(&rows, 0, 5), INT64_MAX);
    const uint8_t *bytes = NULL;
    size_t size = 0;
    ck_assert_int_eq(db_bytes(&ctx, &rows, 0, 6, &bytes, &size), ST_OK);
    ck_assert_uint_eq(size, 3);
    ck_assert_int_eq(bytes[0] | bytes[1] << 8 | bytes[2] << 16, 0x41ff00);
}
END_TEST

START_TEST(a_violated_constraint_names_itself)
{
    ck_assert_int_eq(insert_item(&ctx, db, &insert, 1, -5), ST_CONSTRAINT_VIOLATED);
    ck_assert_ptr_nonnull(strstr(ctx.detail, "item_grp_check"));
    ck_assert_int_eq(item_count(), 0);
}
END_TEST

struct worker {
    struct db *db;
    const struct db_statement *statement;
    int index;
    int good, violated, other;
    bool spoil;
};

static void *work(void *self)
{
    struct worker *worker = self;
    unsigned char *memory = malloc(ARENA_SIZE);
    struct arena own;
    struct ctx at;
    for (int round = 0; round < ROUNDS; round++) {
        arena_init(&own, memory, ARENA_SIZE);
        ctx_init(&at, &own);
        ctx_set_timeout_ms(&at, 20000);
        const bool bad = worker->spoil && worker->index == 0;
        const int64_t id = worker->index * 1000 + round;
        const enum status status =
            insert_item(&at, worker->db, worker->statement, id, bad ? -1 : (id * 7919) % 5);
        worker->good += status == ST_OK;
        worker->violated += status == ST_CONSTRAINT_VIOLATED;
        worker->other += status != ST_OK && status != ST_CONSTRAINT_VIOLATED;
    }
    free(memory);
    return NULL;
}

static void run_workers(struct worker workers[])
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, &workers[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

START_TEST(a_busy_lane_runs_batches)
{
    struct worker workers[THREADS];
    for (int i = 0; i < THREADS; i++)
        workers[i] = (struct worker){.db = db, .statement = &insert, .index = i};
    run_workers(workers);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(workers[i].good, ROUNDS);
    ck_assert_int_eq(item_count(), THREADS * ROUNDS);
    struct db_stats stats;
    db_read_stats(db, &stats);
    ck_assert_uint_gt(stats.largest_batch, 1);
    ck_assert_uint_lt(stats.batches, stats.statements);
}
END_TEST

START_TEST(a_failing_statement_fails_alone_in_its_batch)
{
    struct worker workers[THREADS];
    for (int i = 0; i < THREADS; i++)
        workers[i] = (struct worker){.db = db, .statement = &insert, .index = i, .spoil = true};
    run_workers(workers);
    ck_assert_int_eq(workers[0].violated, ROUNDS);
    for (int i = 1; i < THREADS; i++)
        ck_assert_int_eq(workers[i].good, ROUNDS);
    ck_assert_int_eq(item_count(), (THREADS - 1) * ROUNDS);
}
END_TEST

struct many {
    int64_t id, grp;
    enum status status;
    bool is_own; /* the row that came back is the one asked for */
    size_t rows;
};

static void *insert_one_of_many(void *self)
{
    struct many *many = self;
    unsigned char own_block[8192];
    struct arena own_arena;
    struct ctx own_ctx;
    struct db_params params;
    struct db_rows rows;
    arena_init(&own_arena, own_block, sizeof own_block);
    ctx_init(&own_ctx, &own_arena);
    ctx_set_timeout_ms(&own_ctx, 20000);
    db_params_init(&params, &own_ctx);
    db_add_int64(&params, many->id);
    db_add_int64(&params, many->grp);
    many->status = db_run(&own_ctx, db, &insert_many, &params, 7, &rows);
    many->rows = many->status == ST_OK ? rows.row_count : 0;
    many->is_own = many->rows == 1 && rows.column_count == 2 && db_int64(&rows, 0, 0) == many->id &&
                   db_int64(&rows, 0, 1) == many->grp;
    return NULL;
}

/* Behind a lock that another session holds all of them gather into one batch. */
static void run_as_one_batch(struct many many[], size_t count)
{
    pthread_t threads[THREADS];
    struct db_tx *tx = NULL;
    static const struct db_statement lock = {
        .name = "hold_lock", .sql = "SELECT pg_advisory_xact_lock(7)", .mode = DB_WRITE};
    ck_assert_int_eq(db_begin(&ctx, db, &tx), ST_OK);
    ck_assert_int_eq(db_tx_run(&ctx, tx, &lock, NULL, NULL), ST_OK);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, insert_one_of_many, &many[i]), 0);
    struct timespec pause = {.tv_nsec = 300000000};
    nanosleep(&pause, NULL);
    db_end(&tx);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

START_TEST(a_statement_that_takes_many_gives_each_call_its_own_row)
{
    struct many many[THREADS];
    for (int64_t i = 0; i < THREADS; i++)
        many[i] = (struct many){.id = i, .grp = 1000 + i};
    many[20].id = 19; /* two want one id: one gets it, the other no row */
    run_as_one_batch(many, THREADS);
    size_t rows = 0;
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(many[i].status, ST_OK);
        ck_assert(many[i].is_own || many[i].id == 19);
        rows += many[i].rows;
    }
    ck_assert_uint_eq(rows, THREADS - 1);
    ck_assert_uint_eq(many[19].rows + many[20].rows, 1);
    struct db_stats stats;
    db_read_stats(db, &stats);
    ck_assert_uint_gt(stats.largest_batch, 8);
}
END_TEST

START_TEST(a_failing_call_of_a_statement_that_takes_many_fails_alone)
{
    struct many many[8];
    for (int64_t i = 0; i < 8; i++)
        many[i] = (struct many){.id = i, .grp = i == 5 ? -1 : i};
    run_as_one_batch(many, 8);
    for (size_t i = 0; i < 8; i++) {
        ck_assert_int_eq(many[i].status, i == 5 ? ST_CONSTRAINT_VIOLATED : ST_OK);
        ck_assert(many[i].is_own == (i != 5));
    }
}
END_TEST

/* 40 KiB each: one fits into a batch's buffer, eight do not, and so each runs alone. */
static void *insert_long(void *self)
{
    static const struct db_statement statement = {
        .name = "insert_long",
        .sql = "WITH made AS (INSERT INTO item (id, grp) SELECT id, length(text)"
               " FROM unnest($1::bigint[], $2::text[]) AS wish (id, text) RETURNING id, grp)"
               " SELECT array_position($1::bigint[], id), grp FROM made",
        .mode = DB_WRITE,
        .takes_many = true,
    };
    struct many *many = self;
    unsigned char own_block[4096];
    char text[40001];
    struct arena own_arena;
    struct ctx own_ctx;
    struct db_params params;
    struct db_rows rows;
    memset(text, '"', sizeof text - 1); /* twice as long when quoted */
    text[sizeof text - 1] = '\0';
    arena_init(&own_arena, own_block, sizeof own_block);
    ctx_init(&own_ctx, &own_arena);
    ctx_set_timeout_ms(&own_ctx, 20000);
    db_params_init(&params, &own_ctx);
    db_add_int64(&params, many->id);
    db_add_text(&params, text);
    many->status = db_run(&own_ctx, db, &statement, &params, 7, &rows);
    many->is_own = many->status == ST_OK && db_int64(&rows, 0, 0) == 40000;
    return NULL;
}

START_TEST(calls_too_large_for_one_statement_run_one_by_one)
{
    struct many many[8];
    pthread_t threads[8];
    for (int64_t i = 0; i < 8; i++) {
        many[i] = (struct many){.id = i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, insert_long, &many[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(many[i].status, ST_OK);
        ck_assert(many[i].is_own);
    }
}
END_TEST

START_TEST(two_instances_under_locks_never_deadlock)
{
    struct db *other = open_db(&(struct db_options){0});
    struct worker workers[THREADS];
    for (int i = 0; i < THREADS; i++)
        workers[i] =
            (struct worker){.db = i % 2 == 0 ? db : other, .statement = &insert_locked, .index = i};
    run_workers(workers);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(workers[i].good, ROUNDS);
    struct db_stats mine, theirs;
    db_read_stats(db, &mine);
    db_read_stats(other, &theirs);
    ck_assert_uint_eq(mine.deadlocks + theirs.deadlocks, 0);
    db_free(&other);
}
END_TEST

START_TEST(a_second_lock_is_waited_for_as_the_first_is)
{
    static const struct db_statement lock = {
        .name = "hold_second", .sql = "SELECT pg_advisory_xact_lock(99)", .mode = DB_WRITE};
    struct db_tx *tx = NULL;
    struct db_params params;
    struct db_rows rows;
    ck_assert_int_eq(db_begin(&ctx, db, &tx), ST_OK);
    ck_assert_int_eq(db_tx_run(&ctx, tx, &lock, NULL, NULL), ST_OK);
    for (uint64_t second = 98; second <= 100; second++) {
        struct ctx hasty;
        ctx_init(&hasty, &arena);
        ctx_set_timeout_ms(&hasty, second == 99 ? 300 : 10000);
        db_params_init(&params, &hasty);
        db_add_int64(&params, (int64_t)second);
        db_add_int64(&params, 1);
        db_add_lock(&params, second);
        ck_assert_int_eq(db_run(&hasty, db, &insert_locked, &params, 7, &rows),
                         second == 99 ? ST_TIMEOUT : ST_OK);
    }
    db_end(&tx);
}
END_TEST

START_TEST(a_locked_table_is_waited_for_until_the_deadline_only)
{
    static const struct db_statement lock_table = {
        .name = "lock_table", .sql = "LOCK TABLE item IN ACCESS EXCLUSIVE MODE", .mode = DB_WRITE};
    struct db_tx *tx = NULL;
    ck_assert_int_eq(db_begin(&ctx, db, &tx), ST_OK);
    ck_assert_int_eq(db_tx_run(&ctx, tx, &lock_table, NULL, NULL), ST_OK);

    unsigned char memory[16384];
    struct arena own;
    struct ctx hurried;
    arena_init(&own, memory, sizeof memory);
    ctx_init(&hurried, &own);
    ctx_set_timeout_ms(&hurried, 200);
    ck_assert_int_eq(insert_item(&hurried, db, &insert, 1, 1), ST_TIMEOUT);
    db_end(&tx);
    ck_assert_ptr_null(tx);
    ck_assert_int_eq(item_count(), 0);
    ck_assert_int_eq(insert_item(&ctx, db, &insert, 1, 1), ST_OK);
}
END_TEST

START_TEST(a_transaction_commits_whole_or_not_at_all)
{
    struct db_tx *tx = NULL;
    struct db_params params;
    db_params_init(&params, &ctx);
    db_add_int64(&params, 1);
    db_add_int64(&params, 1);
    ck_assert_int_eq(db_begin(&ctx, db, &tx), ST_OK);
    ck_assert_int_eq(db_tx_run(&ctx, tx, &insert, &params, NULL), ST_OK);
    db_end(&tx);
    ck_assert_int_eq(item_count(), 0);

    ck_assert_int_eq(db_begin(&ctx, db, &tx), ST_OK);
    ck_assert_int_eq(db_tx_run(&ctx, tx, &insert, &params, NULL), ST_OK);
    ck_assert_int_eq(db_commit(&ctx, tx), ST_OK);
    db_end(&tx);
    ck_assert_int_eq(item_count(), 1);

    /* A failed statement poisons the rest: commit must not say it worked. */
    ck_assert_int_eq(db_begin(&ctx, db, &tx), ST_OK);
    ck_assert_int_eq(db_tx_run(&ctx, tx, &insert, &params, NULL), ST_CONSTRAINT_VIOLATED);
    ctx_forgive(&ctx);
    ck_assert_int_ne(db_commit(&ctx, tx), ST_OK);
    db_end(&tx);
}
END_TEST

START_TEST(transactions_beyond_the_pool_wait_until_the_deadline_only)
{
    struct db *small = open_db(&(struct db_options){.transactions = 1});
    struct db_tx *first = NULL, *second = NULL;
    ck_assert_int_eq(db_begin(&ctx, small, &first), ST_OK);
    struct ctx hurried;
    ctx_init(&hurried, NULL);
    ctx_set_timeout_ms(&hurried, 50);
    ck_assert_int_eq(db_begin(&hurried, small, &second), ST_TIMEOUT);
    db_end(&first);
    ck_assert_int_eq(db_begin(&ctx, small, &second), ST_OK);
    db_end(&second);
    db_free(&small);
}
END_TEST

START_TEST(a_restarted_server_is_found_again)
{
    ck_assert_int_eq(insert_item(&ctx, db, &insert, 1, 1), ST_OK);
    support_postgres_kill(&postgres);
    ck_assert_int_eq(insert_item(&ctx, db, &insert, 2, 1), ST_UNAVAILABLE);
    ck_assert_int_eq(db_ping(&ctx, db), ST_UNAVAILABLE);
    support_postgres_start_again(&postgres);
    enum status status = ST_UNAVAILABLE;
    while (status == ST_UNAVAILABLE && !ctx_is_over(&ctx)) {
        arena_reset(&arena);
        ctx_forgive(&ctx);
        status = insert_item(&ctx, db, &insert, 3, 1);
    }
    ck_assert_int_eq(status, ST_OK);
}
END_TEST

START_TEST(a_killed_backend_costs_one_answer)
{
    ck_assert_int_eq(insert_item(&ctx, db, &insert, 1, 1), ST_OK);
    support_postgres_psql(postgres.url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                        "WHERE application_name = 'test'");
    ck_assert_int_eq(insert_item(&ctx, db, &insert, 2, 1), ST_UNAVAILABLE);
    enum status status = ST_UNAVAILABLE;
    while (status == ST_UNAVAILABLE && !ctx_is_over(&ctx)) {
        arena_reset(&arena);
        status = insert_item(&ctx, db, &insert, 3, 1);
    }
    ck_assert_int_eq(status, ST_OK);
}
END_TEST

static const struct db_migration steps[] = {
    {"0001_one", "CREATE TABLE one (id int); INSERT INTO one VALUES (1);"},
    {"0002_two", "CREATE TABLE two (id int);"},
};
static const struct db_migration changed[] = {
    {"0001_one", "CREATE TABLE one (id bigint);"},
    {"0002_two", "CREATE TABLE two (id int);"},
};
static const struct db_migration failing[] = {
    {"0001_one", "CREATE TABLE one (id int); INSERT INTO one VALUES (1);"},
    {"0002_two", "CREATE TABLE two (id int);"},
    {"0003_three", "CREATE TABLE three (id int); SELECT 1 / 0;"},
};

static void *migrate_once(void *self)
{
    enum status *status = self;
    unsigned char memory[65536];
    struct arena own;
    struct ctx at;
    arena_init(&own, memory, sizeof memory);
    ctx_init(&at, &own);
    ctx_set_timeout_ms(&at, 20000);
    *status = db_migrate(&at, postgres.url, steps, 2);
    return NULL;
}

START_TEST(ten_instances_migrate_at_once_and_each_step_runs_once)
{
    support_postgres_psql(postgres.url, "DROP TABLE IF EXISTS one, two, three, schema_migration");
    ck_assert_int_eq(db_schema_is_current(&ctx, db, steps, 2), ST_INTERNAL);
    ctx_forgive(&ctx);

    pthread_t threads[10];
    enum status statuses[10];
    for (int i = 0; i < 10; i++)
        pthread_create(&threads[i], NULL, migrate_once, &statuses[i]);
    for (int i = 0; i < 10; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(statuses[i], ST_OK);
    }
    ck_assert_str_eq(support_postgres_psql(postgres.url, "SELECT count(*) FROM one"), "1");
    ck_assert_int_eq(db_schema_is_current(&ctx, db, steps, 2), ST_OK);
    ck_assert_int_eq(db_schema_is_current(&ctx, db, failing, 3), ST_UNAVAILABLE);
    ctx_forgive(&ctx);

    ck_assert_int_eq(db_migrate(&ctx, postgres.url, changed, 2), ST_CONFLICT);
    ctx_forgive(&ctx);
    ck_assert_int_eq(db_migrate(&ctx, postgres.url, steps, 1), ST_CONFLICT);
    ctx_forgive(&ctx);
    ck_assert_int_ne(db_migrate(&ctx, postgres.url, failing, 3), ST_OK);
    ck_assert_str_eq(support_postgres_psql(
                         postgres.url, "SELECT count(*) FROM pg_tables WHERE tablename = 'three'"),
                     "0");
}
END_TEST

int main(void)
{
    support_postgres_start(&postgres);
    TCase *cases = tcase_create("db");
    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, values_of_every_kind_come_back_as_they_went);
    tcase_add_test(cases, a_violated_constraint_names_itself);
    tcase_add_test(cases, a_busy_lane_runs_batches);
    tcase_add_test(cases, a_failing_statement_fails_alone_in_its_batch);
    tcase_add_test(cases, a_statement_that_takes_many_gives_each_call_its_own_row);
    tcase_add_test(cases, a_failing_call_of_a_statement_that_takes_many_fails_alone);
    tcase_add_test(cases, calls_too_large_for_one_statement_run_one_by_one);
    tcase_add_test(cases, two_instances_under_locks_never_deadlock);
    tcase_add_test(cases, a_second_lock_is_waited_for_as_the_first_is);
    tcase_add_test(cases, a_locked_table_is_waited_for_until_the_deadline_only);
    tcase_add_test(cases, a_transaction_commits_whole_or_not_at_all);
    tcase_add_test(cases, transactions_beyond_the_pool_wait_until_the_deadline_only);
    tcase_add_test(cases, a_killed_backend_costs_one_answer);
    tcase_add_test(cases, a_restarted_server_is_found_again);
    tcase_add_test(cases, ten_instances_migrate_at_once_and_each_step_runs_once);
    Suite *suite = suite_create("db");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    support_postgres_stop(&postgres);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
