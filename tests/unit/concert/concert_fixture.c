#include "concert_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

struct ctx ctx;
struct moments *moments;
static _Alignas(16) unsigned char block[2 * 1024 * 1024];
static struct arena arena;

void fresh_ctx(void)
{
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
}

struct catalog_date date_named(const char *date, int64_t seats_total)
{
    struct catalog_date made = {.starts_at_unix_ms = clock_date_to_wall_ms(date) + 3600000,
                                .seats_total = seats_total,
                                .tiers = {{1, seats_total, 1000}},
                                .tier_count = 1};
    base_copy_text(made.date, sizeof made.date, date);
    made.sale_closes_at_unix_ms = made.starts_at_unix_ms;
    return made;
}

static void fill(struct fake_catalog *catalog, void *self)
{
    static const char *const dates[] = {"2090-01-01", "2090-01-02", "2090-01-03"};
    (void)self;
    catalog->concert_count = 1;
    catalog->concerts[0] = (struct catalog_concert){
        .concert_id = {CONCERT_ID}, .title = "Winter Light", .queue = "main"};
    for (size_t i = 0; i < 3; i++)
        catalog->dates[catalog->date_count++] = date_named(dates[i], 8);
}

void set_up(void)
{
    fake_catalog_reset();
    fake_catalog_change(fill, NULL);
    moments = moments_new(NULL, NULL);
    fresh_ctx();
}

void tear_down(void)
{
    moments_free(&moments);
}

struct seats_change {
    size_t date;
    uint8_t held, sold;
    int64_t version;
};

static void change_seats(struct fake_catalog *catalog, void *self)
{
    const struct seats_change *change = self;
    catalog->held[change->date] = change->held;
    catalog->sold[change->date] = change->sold;
    catalog->versions[change->date] = change->version;
}

void set_seats_at(size_t date, uint8_t held, uint8_t sold, int64_t version)
{
    struct seats_change change = {date, held, sold, version};
    fake_catalog_change(change_seats, &change);
}

void set_seats(size_t date, uint8_t held, uint8_t sold)
{
    static int64_t version = 100;
    set_seats_at(date, held, sold, ++version);
}

static void append_date(struct fake_catalog *catalog, void *self)
{
    catalog->dates[catalog->date_count++] = *(struct catalog_date *)self;
}

void add_date(const char *date)
{
    struct catalog_date made = date_named(date, 8);
    fake_catalog_change(append_date, &made);
}

struct fake_catalog look(void)
{
    static struct fake_catalog copy;
    fake_catalog_look(&copy);
    return copy;
}

int run_tests(const char *name, const TTest *const tests[], size_t count)
{
    TCase *cases = tcase_create(name);
    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(cases, tests[i]);
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
