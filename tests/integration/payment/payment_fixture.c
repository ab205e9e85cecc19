#include "payment_fixture.h"

#include <stdlib.h>

#include "db/migrate.h"
#include "fake_peers.h"
#include "jobs.h"

extern const struct db_migration payment_migrations[];
extern const size_t payment_migration_count;

static struct support_postgres postgres;
char owner_url[SUPPORT_URL_SIZE];
char app_url[SUPPORT_URL_SIZE];
struct db *db;
struct db *other_db;
static const struct uuid token = {"0190a000-0000-7000-8000-0000000000b1"};

struct ctx *begin(struct scratch *scratch)
{
    arena_init(&scratch->arena, scratch->block, sizeof(scratch->block));
    ctx_init(&scratch->ctx, &scratch->arena);
    ctx_set_timeout_ms(&scratch->ctx, 30000);
    return &scratch->ctx;
}

struct db *open_db(void)
{
    struct db *opened = NULL;
    ck_assert_int_eq(db_new(&(struct db_options){.url = app_url}, &opened), ST_OK);
    return opened;
}

void set_up_server(void)
{
    static struct scratch scratch;
    support_postgres_start(&postgres);
    support_postgres_add_service(&postgres, "payment", owner_url, app_url);
    ck_assert_int_eq(
        db_migrate(begin(&scratch), owner_url, payment_migrations, payment_migration_count), ST_OK);
    db = open_db();
    other_db = open_db();
}

void tear_down_server(void)
{
    db_free(&db);
    db_free(&other_db);
    support_postgres_stop(&postgres);
}

void set_up(void)
{
    fake_peers_begin();
    support_postgres_psql(owner_url, "DELETE FROM payment_key; DELETE FROM payment");
}

enum status start(struct db *at, const struct uuid *user, const struct uuid *reservation,
                  const char *key, int64_t lease_ms, struct payment *ret_payment, bool *ret_created)
{
    struct scratch scratch;
    return payment_store_start(begin(&scratch), at,
                               &(struct payment_order){.user_id = user->text,
                                                       .reservation_id = reservation->text,
                                                       .idempotency_key = key,
                                                       .token_id = token.text,
                                                       .queue = "main",
                                                       .lease_ms = lease_ms},
                               ret_payment, ret_created);
}

struct payment_driver driver_of(struct db *at)
{
    return (struct payment_driver){
        .db = at,
        .lease_ms = LONG_LEASE_MS,
        .seat_lease_ms = LONG_LEASE_MS,
        .step_ms = 3000,
        .token_ms = 3000,
    };
}

struct payment stored(const struct payment *payment)
{
    struct scratch scratch;
    struct payment found;
    ck_assert_int_eq(payment_store_get(begin(&scratch), db, payment->payment_id.text,
                                       payment->user_id.text, &found),
                     ST_OK);
    return found;
}

void drive(struct db *at, struct payment *payment)
{
    struct scratch scratch;
    struct payment_driver driver = driver_of(at);
    payment_drive(begin(&scratch), &driver, payment);
}

size_t recover(struct db *at)
{
    struct scratch scratch;
    struct payment_driver driver = driver_of(at);
    size_t taken = payment_jobs_recover(begin(&scratch), &driver, PAYMENT_WORK_SETTLE, 100);
    return taken + payment_jobs_recover(begin(&scratch), &driver, PAYMENT_WORK_TOKENS, 100);
}

void expire_leases(void)
{
    support_postgres_psql(owner_url, "UPDATE payment SET lease_until = clock_timestamp()");
}

const char *unfinished(void)
{
    return support_postgres_psql(
        owner_url, "SELECT count(*) FROM payment WHERE state NOT IN ('COMPLETED', 'FAILED')");
}

int run_tests(const char *name, const TTest *const tests[], size_t count)
{
    TCase *tcase = tcase_create(name);
    tcase_add_unchecked_fixture(tcase, set_up_server, tear_down_server);
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_set_timeout(tcase, 120);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);

    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
