#include "claim_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "db/migrate.h"

extern const struct db_migration reservation_migrations[];
extern const size_t reservation_migration_count;

enum { ARENA_SIZE = 1024 * 1024, CASE_SECONDS = 100 };

char owner_url[SUPPORT_URL_SIZE], app_url[SUPPORT_URL_SIZE];
struct db *db, *second;
struct ctx ctx;
static struct support_postgres postgres;
static _Alignas(16) unsigned char block[ARENA_SIZE];
static struct arena arena;
static char deadlocks_before[32];

#define DEADLOCKS                                                                                  \
    "SELECT pg_stat_clear_snapshot(), pg_stat_force_next_flush();"                                 \
    "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"

const char *ask(const char *sql)
{
    return support_postgres_psql(owner_url, sql);
}

void fresh_ctx(void)
{
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, 60000);
}

struct db *open_pool(size_t write_lanes, size_t batch_max)
{
    struct db *made = NULL;
    ck_assert_int_eq(db_new(&(struct db_options){.url = app_url,
                                                 .application_name = "test",
                                                 .write_lanes = write_lanes,
                                                 .batch_max = batch_max},
                            &made),
                     ST_OK);
    return made;
}

void set_up(void)
{
    fresh_ctx();
    ask("TRUNCATE reservation");
    snprintf(deadlocks_before, sizeof deadlocks_before, "%s", ask(DEADLOCKS));
    db = open_pool(0, 0);
    second = open_pool(0, 0);
}

/* I1 and I2 by counting, without trusting the indexes that keep them. */
#define TWICE(what)                                                                                \
    "SELECT count(*) FROM (SELECT 1 FROM reservation WHERE status IN ('HELD', 'PAYING', "          \
    "'CONFIRMED') GROUP BY concert_id, date, " what " HAVING count(*) > 1) AS broken"

void check_invariants(void)
{
    ck_assert_str_eq(ask(TWICE("seat_no")), "0");
    ck_assert_str_eq(ask(TWICE("user_id")), "0");
    ck_assert_str_eq(ask("SELECT count(*) FROM reservation WHERE confirmed_at > claim_until"), "0");
}

void tear_down(void)
{
    struct db_stats a, b;
    db_read_stats(db, &a);
    db_read_stats(second, &b);
    ck_assert_uint_eq(a.deadlocks + b.deadlocks, 0);
    db_free(&db);
    db_free(&second);
    ck_assert_str_eq(ask(DEADLOCKS), deadlocks_before);
    check_invariants();
}

struct uuid user(void)
{
    struct uuid id;
    uuid_v4(&id);
    return id;
}

struct claim_wish wish_of(const char *user_id, int64_t seat_no)
{
    return (struct claim_wish){.user_id = user_id,
                               .concert_id = CONCERT,
                               .date = DATE,
                               .seat_no = seat_no,
                               .price_won = 1000,
                               .hold_ttl_ms = 300000,
                               .token_id = TOKEN,
                               .queue = "main",
                               .idempotency_key = ""};
}

enum status reserve(const struct claim_wish *wish, struct claim *claim)
{
    bool replayed;
    ctx_forgive(&ctx);
    return claim_store_reserve(&ctx, db, wish, claim, &replayed);
}

bool move(enum claim_event event, const struct claim *claim, const char *payment_id,
          int64_t lease_ms, struct claim *ret_claim)
{
    bool moved = false;
    ctx_forgive(&ctx);
    const struct claim_move wanted = {
        .event = event, .claim = claim, .payment_id = payment_id, .lease_ms = lease_ms};
    ck_assert_int_eq(claim_store_move(&ctx, db, &wanted, ret_claim, &moved), ST_OK);
    return moved;
}

void lapse(const struct claim *claim)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "UPDATE reservation SET claim_until = clock_timestamp() - interval '1 s', hold_until ="
             " clock_timestamp() - interval '1 s' WHERE reservation_id = '%s'",
             claim->reservation_id.text);
    ask(sql);
}

int run_cases(const char *name, const TTest *const tests[], size_t count)
{
    support_postgres_start(&postgres);
    support_postgres_add_service(&postgres, "reservation", owner_url, app_url);
    fresh_ctx();
    if (db_migrate(&ctx, owner_url, reservation_migrations, reservation_migration_count) != ST_OK) {
        fprintf(stderr, "%s\n", ctx.detail);
        return EXIT_FAILURE;
    }
    TCase *cases = tcase_create(name);
    tcase_set_timeout(cases, CASE_SECONDS);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(cases, tests[i]);
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    support_postgres_stop(&postgres);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
