#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "season.h"

static char *told;
static size_t told_size;
static struct season_faults faults;
static struct season season;

static void set_up(void)
{
    faults = (struct season_faults){.out = open_memstream(&told, &told_size)};
    season = (struct season){0};
}

static void tear_down(void)
{
    season_done(&season);
    fclose(faults.out);
    free(told);
}

static bool read_text(const char *text)
{
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(root != NULL, "%s", error.text);
    const bool is_read = season_read(root, &faults, &season);
    fflush(faults.out);
    return is_read;
}

static bool was_told(const char *line)
{
    return strstr(told, line) != NULL;
}

START_TEST(a_season_is_read_as_it_is_written)
{
    ck_assert(read_text(
        "{\"concerts\": [{\"concert_id\": \"a\", \"title\": \"Winter Light\"},"
        " {\"concert_id\": \"b\", \"title\": \"Neon\", \"artist\": \"P\", \"venue\": \"V\","
        "  \"queue\": \"vip\", \"dates\": [{\"date\": \"2027-01-31\","
        "  \"starts_at\": \"2027-01-31T19:30:00+09:00\", \"seats_total\": 5000,"
        "  \"sale_opens_at\": \"1970-01-01T00:00:01Z\", \"sale_closes_at\": "
        "\"1970-01-01T00:00:02Z\","
        "  \"tiers\": [{\"first_seat_no\": 1, \"last_seat_no\": 10, \"price\": 150000},"
        "   {\"first_seat_no\": 11, \"last_seat_no\": 5000, \"price\": 80000}]}]}]}"));
    ck_assert_uint_eq(faults.count, 0);
    ck_assert_uint_eq(season.concert_count, 2);
    ck_assert_str_eq(season.concerts[0].queue, "");
    ck_assert_uint_eq(season.concerts[0].date_count, 0);
    const struct season_concert *concert = &season.concerts[1];
    ck_assert_str_eq(concert->venue, "V");
    ck_assert_str_eq(concert->queue, "vip");
    const struct season_date *date = &concert->dates[0];
    ck_assert(concert->is_readable && date->is_readable);
    ck_assert_str_eq(date->date, "2027-01-31");
    ck_assert_int_eq(date->starts_at_unix_ms, INT64_C(1801391400000));
    ck_assert_int_eq(date->sale_opens_at_unix_ms, 1000);
    ck_assert_int_eq(date->sale_closes_at_unix_ms, 2000);
    ck_assert_int_eq(date->seats_total, 5000);
    ck_assert_uint_eq(date->tier_count, 2);
    ck_assert_int_eq(date->tiers[1].last_seat_no, 5000);
    ck_assert_int_eq(date->tiers[1].price_won, 80000);
}
END_TEST

START_TEST(every_fault_of_a_file_is_told_with_its_place)
{
    ck_assert(
        read_text("{\"concerts\": [7, {\"concert_id\": 1, \"colour\": \"red\", \"dates\": [{"
                  "  \"date\": \"2027-01-31\", \"starts_at\": \"soon\", \"seats_total\": 1.5,"
                  "  \"tiers\": [{\"first_seat_no\": -1, \"last_seat_no\": \"x\", \"prize\": 1}]},"
                  "  {\"date\": \"2027-01-31\", \"starts_at\": \"2027-01-31T00:00:00Z\","
                  "   \"sale_opens_at\": \"2027-01-01T00:00:00Z\", \"tiers\": {}}]},"
                  " {\"concert_id\": \"c\", \"title\": \"C\", \"dates\": 3},"
                  " {\"concert_id\": \"c\", \"title\": \"C\"}]}"));
    static const char *const lines[] = {
        "/concerts/0 must be an object",
        "/concerts/1/colour is not known here",
        "/concerts/1/concert_id must be a text",
        "/concerts/1/title is required",
        "/concerts/1/dates/0/starts_at must be a time",
        "/concerts/1/dates/0/seats_total must be a whole number",
        "/concerts/1/dates/0/sale_opens_at is required",
        "/concerts/1/dates/0/tiers/0/first_seat_no must be a whole number",
        "/concerts/1/dates/0/tiers/0/last_seat_no must be a whole number",
        "/concerts/1/dates/0/tiers/0/prize is not known here",
        "/concerts/1/dates/0/tiers/0/price is required",
        "/concerts/1/dates/1/tiers must be a list",
        "/concerts/1/dates/1/date is that of /concerts/1/dates/0",
        "/concerts/2/dates must be a list",
        "/concerts/3/concert_id is that of /concerts/2",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        ck_assert_msg(was_told(lines[i]), "%s not in\n%s", lines[i], told);
    ck_assert_uint_eq(faults.count, ARRAY_LEN(lines));
    ck_assert(!season.concerts[0].is_readable && !season.concerts[1].is_readable);
    ck_assert(!season.concerts[1].dates[0].is_readable);
    ck_assert(season.concerts[3].is_readable);
}
END_TEST

START_TEST(what_is_no_season_is_not_read)
{
    static const char *const bad[] = {"[]", "{}", "{\"concerts\": {}}",
                                      "{\"concerts\": [], \"more\": 1}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(!read_text(bad[i]), "%s", bad[i]);
        ck_assert_uint_eq(faults.count, i + 1);
    }
    ck_assert(!season_read_file("/nowhere/season.json", &faults, &season));
    ck_assert(!season_read_file("/", &faults, &season));
}
END_TEST

START_TEST(a_number_of_another_kind_is_told)
{
    ck_assert(!read_text("{\"concerts\": 1}"));
    ck_assert(was_told("/concerts must be a list of at most 1000"));
}
END_TEST

START_TEST(pointers_of_the_service_are_told_as_they_were_written)
{
    static const struct {
        const char *told, *written;
    } table[] = {
        {"/concert/title", "/concerts/3/title"},
        {"/concert", "/concerts/3"},
        {"/dates/0", "/concerts/3/dates/17"},
        {"/dates/0/starts_at_unix_ms", "/concerts/3/dates/17/starts_at"},
        {"/dates/0/tiers/2/price_won", "/concerts/3/dates/17/tiers/2/price"},
        {"/dates/0/tiers/2/last_seat_no", "/concerts/3/dates/17/tiers/2/last_seat_no"},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char pointer[128];
        season_map_pointer(table[i].told, 3, 17, pointer, sizeof pointer);
        ck_assert_str_eq(pointer, table[i].written);
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("season");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, a_season_is_read_as_it_is_written);
    tcase_add_test(cases, every_fault_of_a_file_is_told_with_its_place);
    tcase_add_test(cases, what_is_no_season_is_not_read);
    tcase_add_test(cases, a_number_of_another_kind_is_told);
    tcase_add_test(cases, pointers_of_the_service_are_told_as_they_were_written);
    Suite *suite = suite_create("season");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
