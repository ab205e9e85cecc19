#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "db/db.h"
#include "db/migrate.h"
#include "store.h"
#include "support/postgres.h"

extern const struct db_migration concert_migrations[];
extern const size_t concert_migration_count;

#define CONCERT "0190b0f0-0000-7000-8000-0000000000c0"

static struct support_postgres postgres;
static char owner_url[SUPPORT_URL_SIZE], app_url[SUPPORT_URL_SIZE];
static struct db *db;
static _Alignas(16) unsigned char block[4 * 1024 * 1024];
static struct arena arena;
static struct ctx ctx;
static struct catalog_date dates[CATALOG_CREATE_DATES_MAX];

static void fresh_ctx(void)
{
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, 30000);
}

static void set_up(void)
{
    fresh_ctx();
    support_postgres_psql(owner_url, "TRUNCATE concert_date, concert");
    ck_assert_int_eq(db_new(&(struct db_options){.url = app_url, .application_name = "test"}, &db),
                     ST_OK);
}

static void tear_down(void)
{
    db_free(&db);
}

static struct catalog_concert concert_of(const char *id, const char *title)
{
    struct catalog_concert concert = {.artist = "Ada \"and\" {the}, Engines\\", .queue = "main"};
    base_copy_text(concert.concert_id.text, UUID_TEXT_SIZE, id);
    base_copy_text(concert.title, sizeof concert.title, title);
    return concert;
}

static void make_dates(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct catalog_date *date = &dates[i];
        *date = (struct catalog_date){.seats_total = CATALOG_SEATS_MAX,
                                      .tier_count = CATALOG_TIERS_MAX};
        clock_format_date((int64_t)(20000 + i) * 86400000, date->date);
        date->starts_at_unix_ms = clock_date_to_wall_ms(date->date) + 12345678;
        date->sale_closes_at_unix_ms = date->starts_at_unix_ms - 1;
        for (size_t tier = 0; tier < CATALOG_TIERS_MAX; tier++)
            date->tiers[tier] = (struct catalog_tier){
                .first_seat_no = (int64_t)tier * 156 + 1,
                .last_seat_no =
                    tier + 1 == CATALOG_TIERS_MAX ? CATALOG_SEATS_MAX : (int64_t)(tier + 1) * 156,
                .price_won = CATALOG_PRICE_WON_MAX - (int64_t)tier};
    }
}

static void add(const struct catalog_concert *concert, size_t count, bool wanted_created,
                int64_t wanted_added)
{
    bool created;
    int64_t added;
    ck_assert_int_eq(catalog_store_add(&ctx, db, concert, dates, count, &created, &added), ST_OK);
    ck_assert_int_eq(created, wanted_created);
    ck_assert_int_eq(added, wanted_added);
}

START_TEST(a_concert_and_its_dates_come_back_as_they_were_added)
{
    const struct catalog_concert concert = concert_of(CONCERT, "밤의 노래");
    struct catalog_concert known;
    struct catalog_date *list;
    size_t count;
    make_dates(CATALOG_CREATE_DATES_MAX);
    add(&concert, CATALOG_CREATE_DATES_MAX, true, CATALOG_CREATE_DATES_MAX);
    ck_assert_int_eq(catalog_store_concert(&ctx, db, CONCERT, &known), ST_OK);
    ck_assert(catalog_concerts_equal(&concert, &known));
    fresh_ctx();
    ck_assert_int_eq(catalog_store_dates(&ctx, db, CONCERT, dates[0].date, "", 1000, &list, &count),
                     ST_OK);
    ck_assert_uint_eq(count, CATALOG_CREATE_DATES_MAX);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(catalog_dates_equal(&list[i], &dates[i]), "date %zu", i);
    ck_assert_int_eq(
        catalog_store_concert(&ctx, db, "0190b0f0-0000-7000-8000-0000000000c1", &known),
        ST_CONCERT_NOT_FOUND);
}
END_TEST

START_TEST(adding_again_adds_what_is_new_and_changes_nothing)
{
    struct catalog_concert concert = concert_of(CONCERT, "First");
    struct catalog_concert known;
    struct catalog_date *list;
    size_t count;
    make_dates(5);
    add(&concert, 3, true, 3);
    add(&concert, 3, false, 0);
    base_copy_text(concert.title, sizeof concert.title, "Second");
    dates[0].seats_total = 7;
    add(&concert, 5, false, 2);
    ck_assert_int_eq(catalog_store_concert(&ctx, db, CONCERT, &known), ST_OK);
    ck_assert_str_eq(known.title, "First");
    ck_assert_int_eq(catalog_store_find_dates(&ctx, db, CONCERT, dates, 5, &list, &count), ST_OK);
    ck_assert_uint_eq(count, 5);
    ck_assert_int_eq(list[0].seats_total, CATALOG_SEATS_MAX);
    ck_assert_int_eq(catalog_store_find_dates(&ctx, db, CONCERT, dates, 0, &list, &count), ST_OK);
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(what_cannot_be_added_whole_is_not_added_at_all)
{
    const struct catalog_concert concert = concert_of(CONCERT, "Half");
    bool created;
    int64_t added;
    make_dates(3);
    dates[2].seats_total = CATALOG_SEATS_MAX + 1; /* the table's own check */
    ck_assert_int_eq(catalog_store_add(&ctx, db, &concert, dates, 3, &created, &added),
                     ST_CONSTRAINT_VIOLATED);
    ck_assert_str_eq(support_postgres_psql(owner_url, "SELECT count(*) FROM concert"), "0");
    ck_assert_str_eq(support_postgres_psql(owner_url, "SELECT count(*) FROM concert_date"), "0");
}
END_TEST

START_TEST(dates_are_bounded_by_their_days_and_a_number)
{
    const struct catalog_concert concert = concert_of(CONCERT, "Bounds");
    struct catalog_date *list;
    size_t count;
    make_dates(10);
    add(&concert, 10, true, 10);
    ck_assert_int_eq(
        catalog_store_dates(&ctx, db, CONCERT, dates[2].date, dates[5].date, 100, &list, &count),
        ST_OK);
    ck_assert_uint_eq(count, 4);
    ck_assert_str_eq(list[0].date, dates[2].date);
    ck_assert_int_eq(catalog_store_dates(&ctx, db, CONCERT, dates[2].date, "", 3, &list, &count),
                     ST_OK);
    ck_assert_uint_eq(count, 3);
}
END_TEST

START_TEST(concerts_are_paged_by_their_ids)
{
    static const char *const ids[] = {"0190b0f0-0000-7000-8000-0000000000c3",
                                      "0190b0f0-0000-7000-8000-0000000000c1",
                                      "0190b0f0-0000-7000-8000-0000000000c2"};
    struct catalog_concert *list;
    size_t count;
    for (size_t i = 0; i < 3; i++) {
        const struct catalog_concert concert = concert_of(ids[i], "Paged");
        add(&concert, 0, true, 0);
    }
    ck_assert_int_eq(catalog_store_concerts(&ctx, db, "", 2, &list, &count), ST_OK);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(list[0].concert_id.text, ids[1]);
    ck_assert_int_eq(catalog_store_concerts(&ctx, db, ids[2], 2, &list, &count), ST_OK);
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(list[0].concert_id.text, ids[0]);
}
END_TEST

START_TEST(the_page_key_is_one_and_the_services_to_read_only)
{
    static const char *const denied[] = {
        "UPDATE page_key SET key = sha256('x')",
        "DELETE FROM page_key",
        "UPDATE concert SET title = 'x'",
        "DELETE FROM concert_date",
        "CREATE TABLE mine (id int)",
    };
    struct page_key key, again, none = {{0}};
    ck_assert_int_eq(catalog_store_page_key(&ctx, db, &key), ST_OK);
    ck_assert_int_eq(catalog_store_page_key(&ctx, db, &again), ST_OK);
    ck_assert(memcmp(&key, &again, sizeof key) == 0);
    ck_assert(memcmp(&key, &none, sizeof key) != 0);
    ck_assert_str_ne(
        support_postgres_refusal(owner_url, "INSERT INTO page_key (key) VALUES (sha256('x'))"), "");
    for (size_t i = 0; i < ARRAY_LEN(denied); i++)
        ck_assert_msg(support_postgres_refusal(app_url, denied[i])[0] != '\0', "%s", denied[i]);
}
END_TEST

int main(void)
{
    support_postgres_start(&postgres);
    support_postgres_add_service(&postgres, "concert", owner_url, app_url);
    fresh_ctx();
    if (db_migrate(&ctx, owner_url, concert_migrations, concert_migration_count) != ST_OK) {
        fprintf(stderr, "%s\n", ctx.detail);
        return EXIT_FAILURE;
    }
    TCase *cases = tcase_create("catalog store");
    tcase_set_timeout(cases, 100);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, a_concert_and_its_dates_come_back_as_they_were_added);
    tcase_add_test(cases, adding_again_adds_what_is_new_and_changes_nothing);
    tcase_add_test(cases, what_cannot_be_added_whole_is_not_added_at_all);
    tcase_add_test(cases, dates_are_bounded_by_their_days_and_a_number);
    tcase_add_test(cases, concerts_are_paged_by_their_ids);
    tcase_add_test(cases, the_page_key_is_one_and_the_services_to_read_only);
    Suite *suite = suite_create("catalog store");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    support_postgres_stop(&postgres);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
