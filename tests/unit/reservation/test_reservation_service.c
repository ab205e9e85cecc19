#include <stdio.h>
#include <string.h>

#include "fake_reservation_store.h"
#include "reservation_fixture.h"

/* --- every call fails in turn --- */

static enum status do_reserve(void)
{
    ReserveRequest req = good_reserve();
    ReserveResponse res;
    return reserve(&req, &res);
}

static enum status do_get(void)
{
    GetResponse res;
    return get(reservation_id, user_id, &res);
}

static enum status do_list(void)
{
    ListResponse res;
    return list(0, no_text, &res);
}

static enum status do_cancel(void)
{
    CancelResponse res;
    return cancel(reservation_id, user_id, &res);
}

static enum status do_begin(void)
{
    BeginResponse res;
    return begin(payment_id, user_id, 30000, &res);
}

static enum status do_confirm(void)
{
    ConfirmResponse res;
    set_claim(CLAIM_PAYING);
    return confirm(reservation_id, payment_id, &res);
}

static enum status do_release(void)
{
    ReleaseResponse res;
    set_claim(CLAIM_PAYING);
    return release(reservation_id, payment_id, &res);
}

static enum status do_occupancy(void)
{
    OccupancyResponse res;
    return occupancy(1, 0, &res);
}

static const struct {
    const char *name;
    enum status (*run)(void);
    size_t calls, effects; /* when nothing fails */
} methods[] = {
    {"Reserve", do_reserve, 2, 1},       {"GetReservation", do_get, 1, 0},
    {"ListReservations", do_list, 1, 0}, {"Cancel", do_cancel, 2, 1},
    {"BeginPayment", do_begin, 2, 1},    {"Confirm", do_confirm, 2, 1},
    {"Release", do_release, 2, 1},       {"GetOccupancy", do_occupancy, 1, 0},
};

START_TEST(each_call_that_fails_is_told_and_nothing_is_half_done)
{
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        set_up();
        ck_assert_msg(methods[i].run() == ST_OK, "%s", methods[i].name);
        ck_assert_msg(fake_store.calls == methods[i].calls, "%s", methods[i].name);
        ck_assert_msg(fake_store.effects == methods[i].effects, "%s", methods[i].name);
        for (size_t failing = 1; failing <= methods[i].calls; failing++) {
            set_up();
            fake_store.fail_call = failing;
            ck_assert_msg(methods[i].run() == ST_UNAVAILABLE, "%s", methods[i].name);
            ck_assert_msg(fake_store.effects == 0, "%s did half", methods[i].name);
            ck_assert_msg(fake_store.calls == failing, "%s went on", methods[i].name);
        }
    }
}
END_TEST

START_TEST(a_claim_that_moves_on_under_a_failing_look_stays_as_it_is)
{
    fake_store.lost_moves = 1;
    fake_store.becomes = CLAIM_HELD;
    fake_store.fail_call = 3; /* the look after the lost move */
    ck_assert_int_eq(do_cancel(), ST_UNAVAILABLE);
    ck_assert_uint_eq(fake_store.effects, 0);
}
END_TEST

START_TEST(an_arena_without_room_is_a_refusal)
{
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (strcmp(methods[i].name, "ListReservations") == 0)
            continue; /* an empty page needs no room */
        set_up();
        while (arena_alloc(&arena, 16) != NULL) {
        }
        if (strcmp(methods[i].name, "GetOccupancy") == 0)
            continue; /* there the fake store needs it first */
        ck_assert_msg(methods[i].run() == ST_OVERLOADED, "%s", methods[i].name);
    }
}
END_TEST

/* --- reading --- */

START_TEST(another_users_reservation_is_not_found)
{
    GetResponse got;
    CancelResponse cancelled;
    BeginResponse begun;
    ck_assert_int_eq(get(reservation_id, stranger, &got), ST_RESERVATION_NOT_FOUND);
    ck_assert_int_eq(cancel(reservation_id, stranger, &cancelled), ST_RESERVATION_NOT_FOUND);
    ck_assert_int_eq(begin(payment_id, stranger, 1000, &begun), ST_RESERVATION_NOT_FOUND);
    ck_assert_uint_eq(fake_store.effects, 0);
}
END_TEST

START_TEST(ids_are_checked_before_any_call)
{
    GetResponse got;
    CancelResponse cancelled;
    BeginResponse begun;
    ConfirmResponse confirmed;
    ReleaseResponse released;
    ck_assert_int_eq(get(upper_case_id, user_id, &got), ST_INVALID_REQUEST);
    ck_assert_int_eq(get(reservation_id, no_text, &got), ST_INVALID_REQUEST);
    ck_assert_int_eq(cancel(no_text, user_id, &cancelled), ST_INVALID_REQUEST);
    ck_assert_int_eq(begin(no_text, user_id, 1000, &begun), ST_INVALID_REQUEST);
    ck_assert_int_eq(confirm(no_text, payment_id, &confirmed), ST_INVALID_REQUEST);
    ck_assert_int_eq(confirm(reservation_id, upper_case_id, &confirmed), ST_INVALID_REQUEST);
    ck_assert_int_eq(release(reservation_id, no_text, &released), ST_INVALID_REQUEST);
    ck_assert_uint_eq(fake_store.calls, 0);
}
END_TEST

START_TEST(a_page_is_as_long_as_asked_and_tells_of_the_next)
{
    static const struct {
        int32_t size;
        size_t there, shown;
        enum status status;
        bool more;
    } table[] = {
        {0, CLAIM_PAGE_DEFAULT, CLAIM_PAGE_DEFAULT, ST_OK, false},
        {0, CLAIM_PAGE_DEFAULT + 1, CLAIM_PAGE_DEFAULT, ST_OK, true},
        {1, 2, 1, ST_OK, true},
        {1, 0, 0, ST_OK, false},
        {CLAIM_PAGE_MAX, CLAIM_PAGE_MAX + 1, CLAIM_PAGE_MAX, ST_OK, true},
        {CLAIM_PAGE_MAX + 1, 1, 0, ST_INVALID_REQUEST, false},
        {-1, 1, 0, ST_INVALID_REQUEST, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        set_up();
        for (size_t at = 0; at < table[i].there; at++)
            fake_store.list[at] = fake_store.claim;
        fake_store.list_count = table[i].there;
        ListResponse res;
        ck_assert_msg(list(table[i].size, no_text, &res) == table[i].status, "row %zu", i);
        ck_assert_msg(res.n_reservations == table[i].shown, "row %zu", i);
        ck_assert_msg((res.next_page_token[0] != '\0') == table[i].more, "row %zu", i);
    }
}
END_TEST

/* A user's list of three, and the token of its second page. */
static char *second_page(void)
{
    static char token[PAGE_TOKEN_MAX + 1];
    ListResponse res;
    for (size_t at = 0; at < 3; at++)
        fake_store.list[at] = fake_store.claim;
    fake_store.list_count = 3;
    ck_assert_int_eq(list(1, no_text, &res), ST_OK);
    snprintf(token, sizeof token, "%s", res.next_page_token);
    return token;
}

START_TEST(a_page_goes_on_behind_the_last_one_shown)
{
    ListResponse res;
    ck_assert_int_eq(list(1, second_page(), &res), ST_OK);
    ck_assert_str_eq(fake_store.before, reservation_id);
}
END_TEST

START_TEST(a_page_token_is_one_of_ours_and_of_this_user)
{
    static char forged[] = "1 OR 1=1";
    ListResponse res;
    char *token = second_page();
    ck_assert_int_eq(list(1, forged, &res), ST_INVALID_REQUEST);
    ck_assert_str_eq(ctx.violations[0].pointer, "/page_token");
    fresh_ctx();
    ck_assert_int_eq(list(1, reservation_id, &res), ST_INVALID_REQUEST);
    fresh_ctx();
    ck_assert_int_eq(list_of_user(stranger, 1, token, &res), ST_INVALID_REQUEST);
    fresh_ctx();
    token[3] = token[3] == 'A' ? 'B' : 'A';
    ck_assert_int_eq(list(1, token, &res), ST_INVALID_REQUEST);
}
END_TEST

START_TEST(an_occupancy_is_bits_without_empty_bytes_behind)
{
    OccupancyResponse res;
    ck_assert_int_eq(occupancy(2, 0, &res), ST_OK);
    ck_assert_uint_eq(res.n_dates, 2);
    ck_assert_str_eq(res.dates[1]->date, date);
    ck_assert_int_eq(res.dates[1]->version, 9);
    ck_assert_uint_eq(res.dates[1]->held.len, 2);
    ck_assert_uint_eq(res.dates[1]->held.data[0], 0x01);
    ck_assert_uint_eq(res.dates[1]->held.data[1], 0x01);
    ck_assert_uint_eq(res.dates[1]->sold.data[0], 0x80);
}
END_TEST

START_TEST(an_occupancy_is_of_a_bounded_number_of_dates)
{
    OccupancyResponse res;
    ck_assert_int_eq(occupancy(0, 0, &res), ST_INVALID_REQUEST);
    fresh_ctx();
    ck_assert_int_eq(occupancy(CLAIM_DATES_MAX, 0, &res), ST_OK);
    ck_assert_int_eq(occupancy(CLAIM_DATES_MAX + 1, 0, &res), ST_INVALID_REQUEST);
    fresh_ctx();
    ck_assert_int_eq(occupancy(1, INT64_MAX, &res), ST_OK);
    ck_assert_int_eq(occupancy(1, -1, &res), ST_INVALID_REQUEST);
}
END_TEST

/* --- moving --- */

START_TEST(a_lease_is_asked_for_within_its_limit)
{
    static const struct {
        int64_t lease_ms;
        enum status status;
    } table[] = {
        {0, ST_INVALID_REQUEST},         {1, ST_OK},
        {CLAIM_LEASE_MS_MAX, ST_OK},     {CLAIM_LEASE_MS_MAX + 1, ST_INVALID_REQUEST},
        {INT64_MAX, ST_INVALID_REQUEST},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        set_up();
        BeginResponse res;
        ck_assert_msg(begin(payment_id, user_id, table[i].lease_ms, &res) == table[i].status,
                      "row %zu", i);
        if (table[i].status == ST_OK)
            ck_assert_int_eq(fake_store.move.lease_ms, table[i].lease_ms);
    }
}
END_TEST

START_TEST(a_repeat_of_what_was_done_is_answered_and_does_nothing)
{
    CancelResponse cancelled;
    ConfirmResponse confirmed;
    ReleaseResponse released;
    set_claim(CLAIM_CANCELLED);
    ck_assert_int_eq(cancel(reservation_id, user_id, &cancelled), ST_OK);
    set_claim(CLAIM_CONFIRMED);
    ck_assert_int_eq(confirm(reservation_id, payment_id, &confirmed), ST_OK);
    set_claim(CLAIM_HELD);
    ck_assert_int_eq(release(reservation_id, payment_id, &released), ST_OK);
    ck_assert_uint_eq(fake_store.effects, 0);
    ck_assert_int_eq(confirmed.reservation->status,
                     BOXOFFICE__RESERVATION__V1__RESERVATION_STATUS__RESERVATION_STATUS_CONFIRMED);
}
END_TEST

START_TEST(a_claim_that_moved_on_is_judged_as_what_it_has_become)
{
    static const struct {
        enum claim_status becomes;
        enum status status;
    } table[] = {
        {CLAIM_EXPIRED, ST_HOLD_EXPIRED},
        {CLAIM_PAYING, ST_NOT_HELD},
        {CLAIM_CONFIRMED, ST_NOT_HELD},
        {CLAIM_CANCELLED, ST_OK}, /* by the same request, sent twice */
        {CLAIM_HELD, ST_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        set_up();
        CancelResponse res;
        fake_store.lost_moves = 1;
        fake_store.becomes = table[i].becomes;
        ck_assert_msg(cancel(reservation_id, user_id, &res) == table[i].status, "row %zu", i);
        ck_assert_msg(fake_store.effects == (table[i].becomes == CLAIM_HELD), "row %zu", i);
    }
}
END_TEST

START_TEST(a_claim_that_keeps_moving_is_given_up_after_three_tries)
{
    CancelResponse res;
    fake_store.becomes = CLAIM_HELD;
    fake_store.lost_moves = 2;
    ck_assert_int_eq(cancel(reservation_id, user_id, &res), ST_OK);
    set_up();
    fake_store.becomes = CLAIM_HELD;
    fake_store.lost_moves = 3;
    ck_assert_int_eq(cancel(reservation_id, user_id, &res), ST_CONFLICT);
    ck_assert_uint_eq(fake_store.effects, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        each_call_that_fails_is_told_and_nothing_is_half_done,
        a_claim_that_moves_on_under_a_failing_look_stays_as_it_is,
        an_arena_without_room_is_a_refusal,
        another_users_reservation_is_not_found,
        ids_are_checked_before_any_call,
        a_page_is_as_long_as_asked_and_tells_of_the_next,
        a_page_goes_on_behind_the_last_one_shown,
        a_page_token_is_one_of_ours_and_of_this_user,
        an_occupancy_is_bits_without_empty_bytes_behind,
        an_occupancy_is_of_a_bounded_number_of_dates,
        a_lease_is_asked_for_within_its_limit,
        a_repeat_of_what_was_done_is_answered_and_does_nothing,
        a_claim_that_moved_on_is_judged_as_what_it_has_become,
        a_claim_that_keeps_moving_is_given_up_after_three_tries,
    };
    return run_tests("handlers", tests, ARRAY_LEN(tests));
}
