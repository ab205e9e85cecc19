#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claim_fixture.h"
#include "occupancy.h"

enum { CROWD = 300 };

START_TEST(a_seat_is_held_once_and_each_refusal_says_why)
{
    const struct uuid a = user(), b = user();
    struct claim claim, none;
    struct claim_wish wish = wish_of(a.text, 7);
    ck_assert_int_eq(reserve(&wish, &claim), ST_OK);
    ck_assert_int_eq(claim.status, CLAIM_HELD);
    ck_assert_int_gt(claim.held_until_unix_ms, claim.created_at_unix_ms);
    ck_assert_int_eq(reserve(&wish, &none), ST_ONE_SEAT_PER_DATE);
    wish = wish_of(a.text, 8);
    ck_assert_int_eq(reserve(&wish, &none), ST_ONE_SEAT_PER_DATE);
    wish = wish_of(b.text, 7);
    ck_assert_int_eq(reserve(&wish, &none), ST_SEAT_HELD);
    ck_assert(move(CLAIM_BEGIN, &claim, PAYMENT, 30000, &claim));
    ck_assert_int_eq(reserve(&wish, &none), ST_SEAT_HELD);
    ck_assert(move(CLAIM_CONFIRM, &claim, PAYMENT, 0, &claim));
    ck_assert_int_eq(claim.status, CLAIM_CONFIRMED);
    ck_assert_int_eq(reserve(&wish, &none), ST_SEAT_SOLD);
}
END_TEST

START_TEST(a_lapsed_hold_is_free_at_once_again_and_again)
{
    struct claim claim, seen;
    for (int i = 0; i < 5; i++) {
        const struct uuid next = user();
        const struct claim_wish wish = wish_of(next.text, 7);
        ck_assert_int_eq(reserve(&wish, &claim), ST_OK);
        lapse(&claim);
        ck_assert_int_eq(claim_store_get(&ctx, db, claim.reservation_id.text, &seen), ST_OK);
        ck_assert_int_eq(seen.status, CLAIM_EXPIRED);
        ck_assert_int_eq(seen.held_until_unix_ms, 0);
        ck_assert(!move(CLAIM_BEGIN, &claim, PAYMENT, 1000, &seen));
        ck_assert(!move(CLAIM_CANCEL, &claim, "", 0, &seen));
    }
    ck_assert_str_eq(ask("SELECT count(*) FROM reservation"), "5");
    int64_t swept = 0;
    ck_assert_int_eq(claim_store_sweep(&ctx, db, 10, &swept), ST_OK);
    ck_assert_int_eq(swept, 1); /* the others were tidied by whoever took the seat */
    ck_assert_int_eq(claim_store_sweep(&ctx, db, 10, &swept), ST_OK);
    ck_assert_int_eq(swept, 0);
}
END_TEST

START_TEST(a_payment_claims_releases_and_confirms_only_its_own)
{
    const struct uuid a = user();
    struct claim claim, none;
    const struct claim_wish wish = wish_of(a.text, 7);
    ck_assert_int_eq(reserve(&wish, &claim), ST_OK);
    ck_assert(!move(CLAIM_CONFIRM, &claim, PAYMENT, 0, &none));
    ck_assert(move(CLAIM_BEGIN, &claim, PAYMENT, 30000, &claim));
    ck_assert(!move(CLAIM_BEGIN, &claim, OTHER, 30000, &none));
    ck_assert(!move(CLAIM_CONFIRM, &claim, OTHER, 0, &none));
    ck_assert(!move(CLAIM_RELEASE, &claim, OTHER, 0, &none));
    ck_assert(!move(CLAIM_CANCEL, &claim, "", 0, &none));
    ck_assert(move(CLAIM_BEGIN, &claim, PAYMENT, 30000, &claim)); /* a renewal */
    ck_assert(move(CLAIM_RELEASE, &claim, PAYMENT, 0, &claim));
    ck_assert_int_eq(claim.status, CLAIM_HELD);
    /* What was sent before the release and arrives after it claims nothing; another payment may. */
    ck_assert(!move(CLAIM_BEGIN, &claim, PAYMENT, 30000, &none));
    ck_assert(move(CLAIM_BEGIN, &claim, OTHER, 30000, &claim));
    ck_assert(move(CLAIM_RELEASE, &claim, OTHER, 0, &claim));
    ck_assert(move(CLAIM_CANCEL, &claim, "", 0, &claim));
    ck_assert_int_eq(claim.status, CLAIM_CANCELLED);
    ck_assert_int_eq(reserve(&wish, &claim), ST_OK); /* and may choose again */
}
END_TEST

START_TEST(a_lease_outlives_the_hold_by_five_minutes_at_most)
{
    const struct uuid a = user();
    struct claim claim;
    struct claim_wish wish = wish_of(a.text, 7);
    wish.hold_ttl_ms = 1000;
    ck_assert_int_eq(reserve(&wish, &claim), ST_OK);
    const int64_t hold_until_ms = claim.held_until_unix_ms;
    ck_assert(move(CLAIM_BEGIN, &claim, PAYMENT, 3600000, &claim));
    ck_assert_int_le(claim.held_until_unix_ms, hold_until_ms + 300000);
    ck_assert_int_ge(claim.held_until_unix_ms, hold_until_ms + 299999);
    ck_assert(move(CLAIM_BEGIN, &claim, PAYMENT, 1, &claim)); /* never shorter */
    ck_assert_int_ge(claim.held_until_unix_ms, hold_until_ms + 299999);
}
END_TEST

START_TEST(a_key_reserves_once_also_across_dates)
{
    const struct uuid a = user();
    struct claim first, again;
    bool replayed;
    struct claim_wish wish = wish_of(a.text, 7);
    wish.idempotency_key = "k-1";
    ck_assert_int_eq(claim_store_reserve(&ctx, db, &wish, &first, &replayed), ST_OK);
    ck_assert(!replayed);
    ck_assert_int_eq(claim_store_reserve(&ctx, second, &wish, &again, &replayed), ST_OK);
    ck_assert(replayed);
    ck_assert_str_eq(first.reservation_id.text, again.reservation_id.text);
    wish.date = "2030-01-02";
    ck_assert_int_eq(reserve(&wish, &again), ST_IDEMPOTENCY_KEY_REUSED);
}
END_TEST

/* As if the claim had been made that long ago. */
static void age(const struct claim *claim, const char *interval)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "UPDATE reservation SET created_at = clock_timestamp() - interval '%s'"
             " WHERE reservation_id = '%s'",
             interval, claim->reservation_id.text);
    ask(sql);
}

START_TEST(a_key_is_kept_for_24_hours_and_then_forgotten)
{
    const struct uuid a = user();
    struct claim first, again;
    bool replayed;
    int64_t forgotten;
    struct claim_wish wish = wish_of(a.text, 7);
    wish.idempotency_key = "k-1";
    ck_assert_int_eq(reserve(&wish, &first), ST_OK);
    age(&first, "23 hours 59 minutes");
    ck_assert_int_eq(claim_store_forget_keys(&ctx, db, 10, &forgotten), ST_OK);
    ck_assert_int_eq(forgotten, 0);
    ck_assert_int_eq(claim_store_reserve(&ctx, second, &wish, &again, &replayed), ST_OK);
    ck_assert(replayed);

    /* It counts for nothing any more, whether or not somebody has tidied: for another date it is a
     * new key, and that date's answer is its answer from now on. */
    age(&first, "24 hours");
    wish.date = "2030-01-02";
    ck_assert_int_eq(claim_store_reserve(&ctx, second, &wish, &again, &replayed), ST_OK);
    ck_assert(!replayed);
    ck_assert_str_ne(first.reservation_id.text, again.reservation_id.text);
    ck_assert_int_eq(claim_store_reserve(&ctx, db, &wish, &again, &replayed), ST_OK);
    ck_assert(replayed);
    ck_assert_int_eq(claim_store_get(&ctx, db, first.reservation_id.text, &first), ST_OK);
    ck_assert_int_eq(first.status, CLAIM_HELD); /* the claim stays what it is */

    age(&again, "25 hours");
    ck_assert_int_eq(claim_store_forget_keys(&ctx, db, 10, &forgotten), ST_OK);
    ck_assert_int_eq(forgotten, 1);
    ck_assert_str_eq(ask("SELECT count(*) FROM reservation WHERE idempotency_key <> ''"), "0");
    /* With its key forgotten the same request is a new one, and meets the hold that is there. */
    ck_assert_int_eq(reserve(&wish, &again), ST_ONE_SEAT_PER_DATE);
}
END_TEST

struct fan {
    struct db *db;
    struct uuid user_id;
    int64_t seat_no;
    enum status status;
    pthread_t thread;
};

static void *rush(void *self)
{
    struct fan *fan = self;
    unsigned char *memory = malloc(65536);
    struct arena own;
    struct ctx at;
    struct claim claim;
    bool replayed;
    arena_init(&own, memory, 65536);
    ctx_init(&at, &own);
    ctx_set_timeout_ms(&at, 60000);
    const struct claim_wish wish = wish_of(fan->user_id.text, fan->seat_no);
    fan->status = claim_store_reserve(&at, fan->db, &wish, &claim, &replayed);
    free(memory);
    return NULL;
}

/* All at once over two instances; how many won. Losers must have been told `refusal`. */
static int race(struct fan fans[], size_t count, enum status refusal)
{
    int won = 0;
    for (size_t i = 0; i < count; i++) {
        fans[i].db = i % 2 == 0 ? db : second;
        pthread_create(&fans[i].thread, NULL, rush, &fans[i]);
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(fans[i].thread, NULL);
        ck_assert_msg(fans[i].status == ST_OK || fans[i].status == refusal, "%s",
                      status_name(fans[i].status));
        won += fans[i].status == ST_OK;
    }
    return won;
}

START_TEST(of_300_users_for_one_seat_exactly_one_wins)
{
    static struct fan fans[CROWD];
    for (size_t i = 0; i < CROWD; i++)
        fans[i] = (struct fan){.user_id = user(), .seat_no = 7};
    ck_assert_int_eq(race(fans, CROWD, ST_SEAT_HELD), 1);
}
END_TEST

START_TEST(of_50_users_for_50_seats_all_win)
{
    static struct fan fans[50];
    for (size_t i = 0; i < 50; i++)
        fans[i] = (struct fan){.user_id = user(), .seat_no = (int64_t)i + 1};
    ck_assert_int_eq(race(fans, 50, ST_OK), 50);
}
END_TEST

START_TEST(of_one_users_50_wishes_one_comes_true)
{
    static struct fan fans[50];
    const struct uuid same = user();
    for (size_t i = 0; i < 50; i++)
        fans[i] = (struct fan){.user_id = same, .seat_no = (int64_t)i + 1};
    ck_assert_int_eq(race(fans, 50, ST_ONE_SEAT_PER_DATE), 1);
}
END_TEST

START_TEST(occupancy_shows_what_is_live_and_its_version_grows)
{
    static const char *const dates[] = {"2030-01-02", "2030-01-01"};
    const struct uuid a = user(), b = user(), c = user();
    struct claim held, sold, past;
    struct claim_occupancy *seen;
    struct claim_wish wish = wish_of(a.text, 3);
    ck_assert_int_eq(reserve(&wish, &held), ST_OK);
    wish = wish_of(b.text, 5);
    ck_assert_int_eq(reserve(&wish, &sold), ST_OK);
    wish = wish_of(c.text, 9);
    ck_assert_int_eq(reserve(&wish, &past), ST_OK);
    lapse(&past);
    ck_assert(move(CLAIM_BEGIN, &sold, PAYMENT, 1000, &sold));
    ck_assert(move(CLAIM_CONFIRM, &sold, PAYMENT, 0, &sold));
    ck_assert_int_eq(claim_store_occupancy(&ctx, second, CONCERT, dates, 2, &seen), ST_OK);
    ck_assert_str_eq(seen[0].date, "2030-01-02");
    ck_assert_uint_eq(seat_map_size(&seen[0].map), 0);
    ck_assert_int_eq(seen[0].map.version, 0);
    struct seat_map wanted;
    ck_assert(seat_map_load(&wanted, "3", "5", sold.version));
    ck_assert(memcmp(&seen[1].map, &wanted, sizeof wanted) == 0);
    ck_assert_int_gt(sold.version, past.version);
}
END_TEST

/* Seats all over the widest date, and more dates than one question of the store has. */
START_TEST(occupancy_of_the_largest_dates_is_exact)
{
    enum { DATES = 130 };
    char names[DATES][CLOCK_DATE_SIZE];
    const char *dates[DATES];
    struct claim_occupancy *seen;
    for (int i = 0; i < DATES; i++) {
        snprintf(names[i], sizeof names[i], "2030-%02d-%02d", i / 28 + 1, i % 28 + 1);
        dates[i] = names[i];
    }
    ask("INSERT INTO reservation (reservation_id, user_id, concert_id, date, seat_no, price_won,"
        " currency, status, hold_until, claim_until, payment_id, token_id, queue, confirmed_at)"
        " SELECT gen_random_uuid(), gen_random_uuid(), '" CONCERT "', '2030-05-18', n, 1, 'KRW',"
        " CASE WHEN n % 3 = 0 THEN 'CONFIRMED' ELSE 'HELD' END, now() + interval '1 min',"
        " now() + interval '1 min', '" PAYMENT "', '" TOKEN "', 'main',"
        " CASE WHEN n % 3 = 0 THEN now() END FROM generate_series(1, 5000) AS n WHERE n % 7 <> 0");
    ck_assert_int_eq(claim_store_occupancy(&ctx, db, CONCERT, dates, DATES, &seen), ST_OK);
    for (int i = 0; i < DATES; i++) {
        ck_assert_str_eq(seen[i].date, names[i]);
        for (size_t seat = 1; seat <= CLAIM_SEATS_MAX; seat++) {
            enum seat_state wanted = SEAT_FREE;
            if (strcmp(names[i], "2030-05-18") == 0 && seat % 7 != 0)
                wanted = seat % 3 == 0 ? SEAT_SOLD : SEAT_HELD;
            if (seat_map_state(&seen[i].map, seat) != wanted)
                ck_abort_msg("%s seat %zu", names[i], seat);
        }
    }
}
END_TEST

START_TEST(pages_are_newest_first_and_complete)
{
    const struct uuid a = user();
    char date[CLOCK_DATE_SIZE];
    struct claim claim, *page;
    size_t count;
    for (int i = 0; i < 5; i++) {
        struct claim_wish wish = wish_of(a.text, 1);
        snprintf(date, sizeof date, "2030-02-%02d", i + 1);
        wish.date = date;
        ck_assert_int_eq(reserve(&wish, &claim), ST_OK);
    }
    ck_assert_int_eq(claim_store_list(&ctx, db, a.text, "", 3, &page, &count), ST_OK);
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(page[0].date, "2030-02-05");
    ck_assert_int_eq(
        claim_store_list(&ctx, db, a.text, page[2].reservation_id.text, 3, &page, &count), ST_OK);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(page[1].date, "2030-02-01");
}
END_TEST

#define INSERT                                                                                     \
    "INSERT INTO reservation (reservation_id, user_id, concert_id, date, seat_no, price_won, "     \
    "currency, status,"                                                                            \
    " hold_until, claim_until, payment_id, token_id, queue, confirmed_at) VALUES "                 \
    "(gen_random_uuid(), "

START_TEST(the_database_itself_refuses_what_must_not_be)
{
    static const struct {
        const char *values, *constraint;
    } table[] = {
#define ROW(user, seat, price, status, hold, claim, payment, queue, confirmed)                     \
    "'" user "', '" CONCERT "', '2031-01-01', " seat ", " price ", 'KRW', '" status                \
    "', now() + interval '" hold "', now() + interval '" claim "', " payment ", '" TOKEN           \
    "', '" queue "', " confirmed ")"
        {ROW(TOKEN, "0", "1", "HELD", "1 min", "1 min", "NULL", "main", "NULL"), "seat_no_check"},
        {ROW(TOKEN, "5001", "1", "HELD", "1 min", "1 min", "NULL", "main", "NULL"),
         "seat_no_check"},
        {ROW(TOKEN, "1", "0", "HELD", "1 min", "1 min", "NULL", "main", "NULL"), "price_won_check"},
        {ROW(TOKEN, "1", "1", "FREE", "1 min", "1 min", "NULL", "main", "NULL"), "status_check"},
        {ROW(TOKEN, "1", "1", "HELD", "1 min", "1 min", "NULL", "MAIN", "NULL"), "queue_check"},
        {ROW(TOKEN, "1", "1", "PAYING", "1 min", "1 min", "NULL", "main", "NULL"),
         "reservation_paying"},
        {ROW(TOKEN, "1", "1", "CONFIRMED", "1 min", "1 min", "'" PAYMENT "'", "main", "NULL"),
         "reservation_confirmed"},
        {ROW(TOKEN, "1", "1", "CONFIRMED", "1 min", "-1 min", "'" PAYMENT "'", "main", "now()"),
         "reservation_in_time"},
        {ROW(TOKEN, "1", "1", "HELD", "1 min", "7 min", "NULL", "main", "NULL"),
         "reservation_extension"},
        {ROW(TOKEN, "7", "1", "HELD", "1 min", "1 min", "NULL", "main", "NULL"),
         "reservation_one_claim_per_seat"},
        {ROW(PAYMENT, "8", "1", "HELD", "1 min", "1 min", "NULL", "main", "NULL"),
         "reservation_one_seat_per_date"},
    };
    char sql[2048];
    snprintf(sql, sizeof sql, INSERT "%s",
             ROW(PAYMENT, "7", "1", "HELD", "1 min", "1 min", "NULL", "main", "NULL"));
    ask(sql);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        snprintf(sql, sizeof sql, INSERT "%s", table[i].values);
        const char *refusal = support_postgres_refusal(owner_url, sql);
        ck_assert_msg(strstr(refusal, table[i].constraint) != NULL, "row %zu: %s", i, refusal);
    }
}
END_TEST

START_TEST(the_service_may_do_no_more_than_it_needs)
{
    static const char *const denied[] = {
        "DELETE FROM reservation",
        "UPDATE reservation SET user_id = gen_random_uuid()",
        "UPDATE reservation SET seat_no = 1",
        "UPDATE reservation SET price_won = 1",
        "TRUNCATE reservation",
        "DROP TABLE reservation",
        "CREATE TABLE mine (id int)",
    };
    for (size_t i = 0; i < ARRAY_LEN(denied); i++)
        ck_assert_msg(support_postgres_refusal(app_url, denied[i])[0] != '\0', "%s", denied[i]);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_seat_is_held_once_and_each_refusal_says_why,
        a_lapsed_hold_is_free_at_once_again_and_again,
        a_payment_claims_releases_and_confirms_only_its_own,
        a_lease_outlives_the_hold_by_five_minutes_at_most,
        a_key_reserves_once_also_across_dates,
        a_key_is_kept_for_24_hours_and_then_forgotten,
        of_300_users_for_one_seat_exactly_one_wins,
        of_50_users_for_50_seats_all_win,
        of_one_users_50_wishes_one_comes_true,
        occupancy_shows_what_is_live_and_its_version_grows,
        occupancy_of_the_largest_dates_is_exact,
        pages_are_newest_first_and_complete,
        the_database_itself_refuses_what_must_not_be,
        the_service_may_do_no_more_than_it_needs,
    };
    return run_cases("reservation store", tests, ARRAY_LEN(tests));
}
