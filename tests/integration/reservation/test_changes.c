#include <stdio.h>
#include <string.h>

#include "claim_fixture.h"
#include "occupancy.h"
#include "seats.h"

/* What changed on DATE, and on another one, since a version; 0 or 1 answers about DATE. */
static size_t changes_since(struct db *instance, int64_t version, struct seat_news *ret_news)
{
    const struct changes_since asked[] = {
        {.concert_id = CONCERT, .date = "2030-01-02", .version = 0},
        {.concert_id = CONCERT, .date = DATE, .version = version},
    };
    struct changes *changes;
    size_t count;
    ck_assert_int_eq(claim_store_changes(&ctx, instance, asked, 2, &changes, &count), ST_OK);
    ck_assert_uint_le(count, 1);
    if (count == 1) {
        ck_assert_uint_eq(changes[0].asked, 1);
        *ret_news = changes[0].news;
    }
    return count;
}

static struct seat_map map_of(struct db *instance)
{
    static const char *const dates[] = {DATE};
    struct claim_occupancy *seen;
    ck_assert_int_eq(claim_store_occupancy(&ctx, instance, CONCERT, dates, 1, &seen), ST_OK);
    return seen->map;
}

START_TEST(an_instance_learns_what_another_one_did)
{
    const struct uuid a = user(), b = user(), c = user();
    struct claim one, two, three;
    struct seat_news news;
    ck_assert_uint_eq(changes_since(second, 0, &news), 0);
    struct claim_wish wish = wish_of(a.text, 1);
    ck_assert_int_eq(reserve(&wish, &one), ST_OK);
    wish = wish_of(b.text, 2);
    ck_assert_int_eq(reserve(&wish, &two), ST_OK);
    ck_assert_uint_eq(changes_since(second, 0, &news), 1);
    ck_assert_str_eq(news.held, "1,2");
    ck_assert_str_eq(news.freed, "");
    ck_assert_int_eq(news.version, two.version);
    ck_assert_uint_eq(changes_since(second, two.version, &news), 0);

    ck_assert(move(CLAIM_CANCEL, &one, "", 0, &one));
    ck_assert(move(CLAIM_BEGIN, &two, PAYMENT, 1000, &two));
    ck_assert(move(CLAIM_CONFIRM, &two, PAYMENT, 0, &two));
    wish = wish_of(c.text, 3);
    ck_assert_int_eq(reserve(&wish, &three), ST_OK);
    ck_assert_uint_eq(changes_since(second, one.version - 1, &news), 1);
    ck_assert_str_eq(news.freed, "1");
    ck_assert_str_eq(news.sold, "2");
    ck_assert_str_eq(news.held, "3");
    ck_assert_int_eq(news.version, three.version);
}
END_TEST

START_TEST(a_hold_that_lapses_is_a_change_with_a_version)
{
    const struct uuid a = user();
    struct claim claim;
    struct seat_news news;
    int64_t swept;
    const struct claim_wish wish = wish_of(a.text, 9);
    ck_assert_int_eq(reserve(&wish, &claim), ST_OK);
    lapse(&claim);
    /* Free at once for whoever looks, and told to those who watch once it is tidied. */
    const struct seat_map map = map_of(second);
    ck_assert_int_eq(seat_map_state(&map, 9), SEAT_FREE);
    ck_assert_int_eq(claim_store_sweep(&ctx, db, 10, &swept), ST_OK);
    ck_assert_int_eq(swept, 1);
    ck_assert_uint_eq(changes_since(second, claim.version, &news), 1);
    ck_assert_str_eq(news.freed, "9");
    ck_assert_int_gt(news.version, claim.version);
}
END_TEST

START_TEST(a_lapsed_seat_taken_again_is_held_and_not_freed)
{
    const struct uuid a = user(), b = user();
    struct claim claim, next;
    struct seat_news news;
    struct claim_wish wish = wish_of(a.text, 9);
    ck_assert_int_eq(reserve(&wish, &claim), ST_OK);
    lapse(&claim);
    wish = wish_of(b.text, 9);
    ck_assert_int_eq(reserve(&wish, &next), ST_OK);
    ck_assert_uint_eq(changes_since(second, claim.version, &news), 1);
    ck_assert_str_eq(news.freed, "");
    ck_assert_str_eq(news.held, "9");
}
END_TEST

/* A map kept by news alone is the map read from the store, wherever the reader stood before. */
START_TEST(news_on_top_of_a_map_make_the_next_map)
{
    enum { ROUNDS = 60, SEATS = 12 };
    static struct claim claims[SEATS];
    struct seat_map map = map_of(second);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct claim *claim = &claims[i * 7 % SEATS];
        const struct uuid next = user();
        const struct claim_wish wish = wish_of(next.text, i * 7 % SEATS + 1);
        fresh_ctx();
        if (claim->seat_no == 0)
            ck_assert_int_eq(reserve(&wish, claim), ST_OK);
        else if (i % 4 == 0)
            lapse(claim);
        else if (move(i % 3 == 0 ? CLAIM_BEGIN : CLAIM_CANCEL, claim, i % 3 == 0 ? PAYMENT : "",
                      1000, claim) &&
                 claim->status == CLAIM_CANCELLED)
            claim->seat_no = 0;
        int64_t swept;
        struct seat_news news;
        uint8_t changed[SEATS_BITMAP_SIZE];
        size_t count;
        ck_assert_int_eq(claim_store_sweep(&ctx, db, 10, &swept), ST_OK);
        if (i % 5 != 0 && changes_since(second, map.version, &news) == 1)
            ck_assert(seat_map_apply(&map, &news, changed, &count));
        if (i % 5 == 1) {
            const struct seat_map truth = map_of(db);
            ck_assert(memcmp(&map, &truth, sizeof map) == 0);
        }
    }
}
END_TEST

START_TEST(many_dates_are_asked_about_at_once)
{
    struct changes_since asked[CHANGES_DATES_MAX];
    char dates[CHANGES_DATES_MAX][CLOCK_DATE_SIZE];
    struct changes *changes;
    size_t count;
    const struct uuid a = user();
    struct claim claim;
    for (int i = 0; i < CHANGES_DATES_MAX; i++) {
        snprintf(dates[i], sizeof dates[i], "2030-%02d-%02d", i / 28 + 1, i % 28 + 1);
        struct claim_wish wish = wish_of(a.text, i + 1);
        wish.date = dates[i];
        ck_assert_int_eq(reserve(&wish, &claim), ST_OK);
        asked[i] = (struct changes_since){
            .concert_id = CONCERT, .date = dates[i], .version = i % 2 == 0 ? 0 : claim.version};
    }
    ck_assert_int_eq(claim_store_changes(&ctx, second, asked, CHANGES_DATES_MAX, &changes, &count),
                     ST_OK);
    ck_assert_uint_eq(count, CHANGES_DATES_MAX / 2);
    for (size_t i = 0; i < count; i++) {
        char seat[8];
        ck_assert_uint_eq(changes[i].asked, 2 * i);
        snprintf(seat, sizeof seat, "%zu", 2 * i + 1);
        ck_assert_str_eq(changes[i].news.held, seat);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_instance_learns_what_another_one_did,
        a_hold_that_lapses_is_a_change_with_a_version,
        a_lapsed_seat_taken_again_is_held_and_not_freed,
        news_on_top_of_a_map_make_the_next_map,
        many_dates_are_asked_about_at_once,
    };
    return run_cases("what changed", tests, ARRAY_LEN(tests));
}
