#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "fake_reservation_store.h"
#include "reservation_fixture.h"

static enum status try_reserve(void)
{
    ReserveRequest req = good_reserve();
    ReserveResponse res;
    return reserve(&req, &res);
}

START_TEST(a_hold_is_what_the_store_made_at_the_tiers_price)
{
    ReserveRequest req = good_reserve();
    ReserveResponse res;
    ck_assert_int_eq(reserve(&req, &res), ST_OK);
    ck_assert_str_eq(res.reservation->reservation_id, reservation_id);
    ck_assert_str_eq(res.reservation->user_id, user_id);
    ck_assert_str_eq(res.reservation->concert_id, concert_id);
    ck_assert_str_eq(res.reservation->date, date);
    ck_assert_int_eq(res.reservation->seat_no, 7);
    ck_assert_int_eq(res.reservation->price_won, 90000);
    ck_assert_str_eq(res.reservation->currency, "KRW");
    ck_assert_int_eq(res.reservation->status,
                     BOXOFFICE__RESERVATION__V1__RESERVATION_STATUS__RESERVATION_STATUS_HELD);
    ck_assert_int_eq(res.reservation->held_until_unix_ms, 2000);
    ck_assert_int_eq(res.reservation->created_at_unix_ms, 1000);
    ck_assert_int_eq(res.reservation->version, 41);
    ck_assert(!res.replayed);
    ck_assert_int_eq(fake_store.wish.price_won, 90000);
    ck_assert_int_eq(fake_store.wish.hold_ttl_ms, 1234);
    ck_assert_str_eq(fake_store.wish.token_id, token_id);
    ck_assert_str_eq(fake_store.wish.idempotency_key, key);

    fake_store.replayed = true;
    ck_assert_int_eq(reserve(&req, &res), ST_OK);
    ck_assert(res.replayed);
}
END_TEST

START_TEST(each_refusal_of_the_store_is_the_answer)
{
    static const enum status refusals[] = {ST_SEAT_HELD, ST_SEAT_SOLD, ST_ONE_SEAT_PER_DATE,
                                           ST_IDEMPOTENCY_KEY_REUSED};
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        set_up();
        fake_store.reserve_answer = refusals[i];
        ck_assert_int_eq(try_reserve(), refusals[i]);
        ck_assert_uint_eq(fake_store.effects, 0);
    }
}
END_TEST

START_TEST(what_no_date_has_is_refused_before_any_call)
{
    static const struct {
        const char *pointer;
        size_t offset;
        char *value;
    } table[] = {
        {"/user_id", offsetof(ReserveRequest, user_id), upper_case_id},
        {"/user_id", offsetof(ReserveRequest, user_id), no_text},
        {"/concert_id", offsetof(ReserveRequest, concert_id), upper_case_id},
        {"/token_id", offsetof(ReserveRequest, token_id), no_text},
        {"/date", offsetof(ReserveRequest, date), no_date},
        {"/date", offsetof(ReserveRequest, date), no_text},
        {"/queue", offsetof(ReserveRequest, queue), no_text},
        {"/queue", offsetof(ReserveRequest, queue), upper_case_id},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        set_up();
        ReserveRequest req = good_reserve();
        ReserveResponse res;
        memcpy((char *)&req + table[i].offset, &table[i].value, sizeof table[i].value);
        ck_assert_int_eq(reserve(&req, &res), ST_INVALID_REQUEST);
        ck_assert_uint_eq(ctx.violation_count, 1);
        ck_assert_str_eq(ctx.violations[0].pointer, table[i].pointer);
        ck_assert_uint_eq(fake_store.calls, 0);
    }
}
END_TEST

START_TEST(all_that_is_wrong_is_told_at_once)
{
    ReserveRequest req = good_reserve();
    ReserveResponse res;
    req.user_id = req.concert_id = req.token_id = req.date = req.queue = no_text;
    req.seat_no = 0;
    ck_assert_int_eq(reserve(&req, &res), ST_INVALID_REQUEST);
    ck_assert_uint_eq(ctx.violation_count, 6);
}
END_TEST

START_TEST(a_seat_is_one_of_the_dates_own)
{
    static const struct {
        int32_t seat_no;
        enum status status;
        size_t calls; /* the catalog is asked only for what some date may have */
    } table[] = {
        {INT32_MIN, ST_INVALID_REQUEST, 0},
        {0, ST_INVALID_REQUEST, 0},
        {1, ST_OK, 2},
        {SEATS, ST_OK, 2},
        {SEATS + 1, ST_INVALID_REQUEST, 1},
        {CLAIM_SEATS_MAX, ST_INVALID_REQUEST, 1},
        {CLAIM_SEATS_MAX + 1, ST_INVALID_REQUEST, 0},
        {INT32_MAX, ST_INVALID_REQUEST, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        set_up();
        ReserveRequest req = good_reserve();
        ReserveResponse res;
        req.seat_no = table[i].seat_no;
        ck_assert_msg(reserve(&req, &res) == table[i].status, "row %zu", i);
        ck_assert_msg(fake_store.calls == table[i].calls, "row %zu", i);
    }
    set_up();
    fake_store.date.tier_count = 1; /* seats 11.. have no price */
    ReserveRequest req = good_reserve();
    ReserveResponse res;
    req.seat_no = 11;
    ck_assert_int_eq(reserve(&req, &res), ST_INVALID_REQUEST);
}
END_TEST

START_TEST(a_seat_is_sold_from_opening_to_closing_and_never_after_the_start)
{
    static const struct {
        int64_t opens_in_ms, closes_in_ms, starts_in_ms;
        enum status status;
    } table[] = {
        {0, MINUTE_MS, MINUTE_MS, ST_OK},
        {MINUTE_MS, 2 * MINUTE_MS, 2 * MINUTE_MS, ST_NOT_ON_SALE},
        {-MINUTE_MS, 0, MINUTE_MS, ST_NOT_ON_SALE},
        {-MINUTE_MS, MINUTE_MS, 0, ST_NOT_ON_SALE},
        {-MINUTE_MS, 2 * MINUTE_MS, MINUTE_MS, ST_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        set_up();
        const int64_t now_ms = clock_wall_ms();
        fake_store.date.sale_opens_at_unix_ms = now_ms + table[i].opens_in_ms;
        fake_store.date.sale_closes_at_unix_ms = now_ms + table[i].closes_in_ms;
        fake_store.date.starts_at_unix_ms = now_ms + table[i].starts_in_ms;
        ck_assert_msg(try_reserve() == table[i].status, "row %zu", i);
        ck_assert_msg(fake_store.effects == (table[i].status == ST_OK), "row %zu", i);
    }
}
END_TEST

START_TEST(a_key_is_optional_and_bounded)
{
    static char longest[CLAIM_KEY_MAX + 2];
    static char blank[] = "a b";
    memset(longest, 'k', CLAIM_KEY_MAX + 1);
    const struct {
        char *key;
        size_t length;
        enum status status;
    } table[] = {
        {no_text, 0, ST_OK},
        {longest, CLAIM_KEY_MAX, ST_OK},
        {longest, CLAIM_KEY_MAX + 1, ST_IDEMPOTENCY_KEY_REQUIRED},
        {blank, 3, ST_IDEMPOTENCY_KEY_REQUIRED},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        set_up();
        ReserveRequest req = good_reserve();
        ReserveResponse res;
        char text[CLAIM_KEY_MAX + 2] = {0};
        memcpy(text, table[i].key, table[i].length);
        req.idempotency_key = text;
        ck_assert_msg(reserve(&req, &res) == table[i].status, "row %zu", i);
    }
}
END_TEST

START_TEST(a_queues_name_is_bounded)
{
    char name[CLAIM_QUEUE_MAX + 2] = {0};
    memset(name, 'q', CLAIM_QUEUE_MAX);
    ReserveRequest req = good_reserve();
    ReserveResponse res;
    req.queue = name;
    base_copy_text(fake_store.date.queue, sizeof fake_store.date.queue, name);
    ck_assert_int_eq(reserve(&req, &res), ST_OK);
    name[CLAIM_QUEUE_MAX] = 'q';
    ck_assert_int_eq(reserve(&req, &res), ST_INVALID_REQUEST);
}
END_TEST

START_TEST(a_turn_in_another_line_holds_nothing_and_is_told_the_right_one)
{
    static char wrong[] = "vip";
    ReserveRequest req = good_reserve();
    ReserveResponse res;
    req.queue = wrong;
    ck_assert_int_eq(reserve(&req, &res), ST_TOKEN_INVALID);
    ck_assert_str_eq(ctx_find_note(&ctx, "queue"), "main");
    ck_assert_uint_eq(fake_store.effects, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_hold_is_what_the_store_made_at_the_tiers_price,
        each_refusal_of_the_store_is_the_answer,
        what_no_date_has_is_refused_before_any_call,
        all_that_is_wrong_is_told_at_once,
        a_seat_is_one_of_the_dates_own,
        a_seat_is_sold_from_opening_to_closing_and_never_after_the_start,
        a_key_is_optional_and_bounded,
        a_queues_name_is_bounded,
        a_turn_in_another_line_holds_nothing_and_is_told_the_right_one,
    };
    return run_tests("holding a seat", tests, ARRAY_LEN(tests));
}
