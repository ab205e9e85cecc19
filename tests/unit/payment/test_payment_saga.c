#include <check.h>
#include <stdlib.h>

#include "payment.h"
#include "saga.h"

static const enum saga_event known_events[] = {SAGA_DONE, SAGA_REFUSED};

/* What the commands on the way have done, if each does what it says. */
struct effects {
    bool seat_claimed, seat_sold, debited, token_used;
};

static struct effects apply(struct effects effects, enum saga_command command,
                            enum saga_event event)
{
    if (event != SAGA_DONE) {
        /* The seat had lapsed, or was released before: either way it is not claimed. */
        if (command == SAGA_CONFIRM_SEAT || command == SAGA_RELEASE_SEAT)
            effects.seat_claimed = false;
        return effects;
    }
    switch (command) {
    case SAGA_CLAIM_SEAT:
        effects.seat_claimed = true;
        break;
    case SAGA_DEBIT_WALLET:
        effects.debited = true;
        break;
    case SAGA_CONFIRM_SEAT:
        effects.seat_sold = true;
        effects.seat_claimed = false;
        break;
    case SAGA_EXPIRE_TOKEN:
        effects.token_used = true;
        break;
    case SAGA_REFUND_WALLET:
        effects.debited = false;
        break;
    case SAGA_RELEASE_SEAT:
        effects.seat_claimed = false;
        break;
    case SAGA_NO_COMMAND:
    case SAGA_COMMAND_COUNT:
        ck_abort_msg("an end has no command");
    }
    return effects;
}

/* Walks every path from a state; how many paths there are. */
static int walk(enum saga_state state, struct effects effects, int depth)
{
    ck_assert_int_lt(depth, SAGA_STATE_COUNT); /* no way round in circles */
    if (saga_is_over(state)) {
        ck_assert(!effects.seat_claimed);
        ck_assert_int_eq(effects.seat_sold, state == SAGA_COMPLETED);
        ck_assert_int_eq(effects.debited, state == SAGA_COMPLETED);
        ck_assert(state == SAGA_COMPLETED || !effects.token_used);
        return 1;
    }
    int paths = 0;
    for (size_t i = 0; i < ARRAY_LEN(known_events); i++) {
        const struct saga_transition *transition = saga_find(state, known_events[i]);
        if (transition)
            paths += walk(transition->to, apply(effects, saga_command(state), known_events[i]),
                          depth + 1);
    }
    ck_assert_int_gt(paths, 0);
    return paths;
}

START_TEST(every_path_ends_paid_or_fully_undone)
{
    /* Refused claim; refused debit, released or gone; refused confirmation, the same; token used or
     * unknown. */
    ck_assert_int_eq(walk(SAGA_CLAIMING, (struct effects){0}, 0), 7);
}
END_TEST

START_TEST(every_state_that_is_not_an_end_goes_on_when_its_command_is_done)
{
    for (int state = 0; state < SAGA_STATE_COUNT; state++) {
        const struct saga_transition *done = saga_find((enum saga_state)state, SAGA_DONE);
        ck_assert_int_eq(done == NULL, saga_is_over((enum saga_state)state));
        ck_assert_ptr_null(saga_find((enum saga_state)state, SAGA_UNKNOWN));
    }
    ck_assert_ptr_null(saga_find(SAGA_COMPLETED, SAGA_REFUSED));
    ck_assert_ptr_null(saga_find(SAGA_FAILED, SAGA_REFUSED));
    ck_assert_ptr_null(saga_find(SAGA_REFUNDING, SAGA_REFUSED));
}
END_TEST

START_TEST(each_state_leads_where_the_diagram_says)
{
    static const struct {
        enum saga_state from;
        enum saga_event event;
        enum saga_state to;
        bool fails;
    } diagram[] = {
        {SAGA_CLAIMING, SAGA_DONE, SAGA_DEBITING, false},
        {SAGA_CLAIMING, SAGA_REFUSED, SAGA_FAILED, true},
        {SAGA_DEBITING, SAGA_DONE, SAGA_CONFIRMING, false},
        {SAGA_DEBITING, SAGA_REFUSED, SAGA_REFUNDING, true},
        {SAGA_CONFIRMING, SAGA_DONE, SAGA_EXPIRING_TOKEN, false},
        {SAGA_CONFIRMING, SAGA_REFUSED, SAGA_REFUNDING, true},
        {SAGA_EXPIRING_TOKEN, SAGA_DONE, SAGA_COMPLETED, false},
        {SAGA_EXPIRING_TOKEN, SAGA_REFUSED, SAGA_COMPLETED, false},
        {SAGA_REFUNDING, SAGA_DONE, SAGA_RELEASING, false},
        {SAGA_RELEASING, SAGA_DONE, SAGA_FAILED, false},
        {SAGA_RELEASING, SAGA_REFUSED, SAGA_FAILED, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(diagram); i++) {
        const struct saga_transition *row = saga_find(diagram[i].from, diagram[i].event);
        ck_assert_ptr_nonnull(row);
        ck_assert_int_eq(row->to, diagram[i].to);
        ck_assert_int_eq(row->fails, diagram[i].fails);
        ck_assert_int_ne(row->sentence[0], '\0');
    }
}
END_TEST

/* What each step takes for a clear no. */
static bool is_clear_no(enum saga_command command, enum status status)
{
    switch (command) {
    case SAGA_CLAIM_SEAT:
        return status == ST_RESERVATION_NOT_FOUND || status == ST_HOLD_EXPIRED ||
               status == ST_NOT_HELD || status == ST_ALREADY_PAID ||
               status == ST_PAYMENT_IN_PROGRESS || status == ST_INVALID_REQUEST;
    case SAGA_DEBIT_WALLET:
        return status == ST_INSUFFICIENT_BALANCE || status == ST_DEBIT_REFUNDED ||
               status == ST_INVALID_REQUEST;
    case SAGA_CONFIRM_SEAT:
        return status == ST_HOLD_EXPIRED || status == ST_ALREADY_PAID ||
               status == ST_RESERVATION_NOT_FOUND;
    case SAGA_EXPIRE_TOKEN:
        return status == ST_TOKEN_INVALID || status == ST_TOKEN_EXPIRED ||
               status == ST_QUEUE_NOT_FOUND || status == ST_INVALID_REQUEST;
    case SAGA_RELEASE_SEAT:
        return status == ST_HOLD_EXPIRED || status == ST_NOT_HELD ||
               status == ST_RESERVATION_NOT_FOUND;
    case SAGA_REFUND_WALLET: /* the money is owed, whatever the wallet says */
    case SAGA_NO_COMMAND:
    case SAGA_COMMAND_COUNT:
        break;
    }
    return false;
}

START_TEST(only_a_clear_no_is_a_refusal)
{
    for (int i = SAGA_CLAIM_SEAT; i < SAGA_COMMAND_COUNT; i++) {
        const enum saga_command command = (enum saga_command)i;
        ck_assert_int_eq(saga_classify(command, ST_OK), SAGA_DONE);
        for (int j = 0; j < ST_COUNT; j++) {
            const enum status status = (enum status)j;
            if (status == ST_OK)
                continue;
            ck_assert_msg(saga_classify(command, status) ==
                              (is_clear_no(command, status) ? SAGA_REFUSED : SAGA_UNKNOWN),
                          "%s of %s", status_name(status), saga_command_name(command));
        }
    }
}
END_TEST

START_TEST(no_payment_fails_with_a_debit_left_to_come)
{
    /* Every way back from a debit that was sent goes through the refund, which blocks it. */
    for (int i = 0; i < SAGA_STATE_COUNT; i++) {
        const enum saga_state state = (enum saga_state)i;
        const struct saga_transition *refused = saga_find(state, SAGA_REFUSED);
        if (state == SAGA_DEBITING || state == SAGA_CONFIRMING)
            ck_assert_int_eq(refused->to, SAGA_REFUNDING);
    }
}
END_TEST

START_TEST(a_user_is_told_paid_as_soon_as_the_seat_is_sold)
{
    static const enum saga_outcome outcomes[SAGA_STATE_COUNT] = {
        [SAGA_CLAIMING] = SAGA_PENDING,   [SAGA_DEBITING] = SAGA_PENDING,
        [SAGA_CONFIRMING] = SAGA_PENDING, [SAGA_EXPIRING_TOKEN] = SAGA_PAID,
        [SAGA_COMPLETED] = SAGA_PAID,     [SAGA_REFUNDING] = SAGA_PENDING,
        [SAGA_RELEASING] = SAGA_PENDING,  [SAGA_FAILED] = SAGA_NOT_PAID,
    };
    for (int state = 0; state < SAGA_STATE_COUNT; state++)
        ck_assert_int_eq(saga_outcome((enum saga_state)state), outcomes[state]);
}
END_TEST

START_TEST(state_names_lead_back_to_their_states)
{
    enum saga_state found = SAGA_FAILED;
    for (int state = 0; state < SAGA_STATE_COUNT; state++) {
        ck_assert(saga_state_from_name(saga_state_name((enum saga_state)state), &found));
        ck_assert_int_eq(found, state);
    }
    ck_assert(!saga_state_from_name("PAID", &found));
    ck_assert(!saga_state_from_name("", &found));
}
END_TEST

START_TEST(the_back_off_doubles_up_to_its_limit)
{
    ck_assert_int_eq(saga_backoff_ms(1), SAGA_BACKOFF_MS_MIN);
    ck_assert_int_eq(saga_backoff_ms(2), 2 * SAGA_BACKOFF_MS_MIN);
    ck_assert_int_eq(saga_backoff_ms(3), 4 * SAGA_BACKOFF_MS_MIN);
    ck_assert_int_eq(saga_backoff_ms(7), SAGA_BACKOFF_MS_MAX);
    ck_assert_int_eq(saga_backoff_ms(INT64_MAX), SAGA_BACKOFF_MS_MAX);
}
END_TEST

START_TEST(a_payment_keeps_why_it_is_being_undone)
{
    struct payment payment = {.state = SAGA_DEBITING, .attempts = 4};
    payment_apply(&payment, saga_find(SAGA_DEBITING, SAGA_REFUSED), ST_INSUFFICIENT_BALANCE);
    ck_assert_int_eq(payment.state, SAGA_REFUNDING);
    ck_assert_int_eq(payment.failure, ST_INSUFFICIENT_BALANCE);
    ck_assert_int_eq(payment.attempts, 0);
    payment_apply(&payment, saga_find(SAGA_REFUNDING, SAGA_DONE), ST_OK);
    /* That the seat had gone already does not become the reason. */
    payment_apply(&payment, saga_find(SAGA_RELEASING, SAGA_REFUSED), ST_HOLD_EXPIRED);
    ck_assert_int_eq(payment.state, SAGA_FAILED);
    ck_assert_int_eq(payment.failure, ST_INSUFFICIENT_BALANCE);
}
END_TEST

static struct payment_claim good_claim(void)
{
    return (struct payment_claim){
        .amount_won = 1,
        .currency = "KRW",
        .concert_id = {"0190a000-0000-7000-8000-0000000000c1"},
        .date = "2026-12-01",
        .seat_no = 1,
    };
}

START_TEST(a_claim_must_be_something_that_can_be_paid)
{
    struct payment_claim claim = good_claim();
    ck_assert(payment_claim_is_valid(&claim));

    claim = good_claim();
    claim.amount_won = 0;
    ck_assert(!payment_claim_is_valid(&claim));
    claim = good_claim();
    claim.seat_no = 0;
    ck_assert(!payment_claim_is_valid(&claim));
    claim = good_claim();
    claim.currency[2] = 'w';
    ck_assert(!payment_claim_is_valid(&claim));
    claim = good_claim();
    claim.currency[0] = '\0';
    ck_assert(!payment_claim_is_valid(&claim));
    claim = good_claim();
    claim.date[0] = '\0';
    ck_assert(!payment_claim_is_valid(&claim));
    claim = good_claim();
    claim.concert_id.text[0] = '\0';
    ck_assert(!payment_claim_is_valid(&claim));
}
END_TEST

START_TEST(pages_are_checked_on_both_sides)
{
    size_t size = 7;
    ck_assert(payment_page_size(0, &size));
    ck_assert_uint_eq(size, PAYMENT_PAGE_DEFAULT);
    ck_assert(payment_page_size(100, &size));
    ck_assert(!payment_page_size(101, &size));
    ck_assert(!payment_page_size(-1, &size));
    ck_assert_uint_eq(size, 100);

    struct uuid before;
    ck_assert(payment_page_start("", &before));
    ck_assert_str_eq(before.text, "ffffffff-ffff-ffff-ffff-ffffffffffff");
    ck_assert(payment_page_start("0190a000-0000-7000-8000-0000000000c1", &before));
    ck_assert_str_eq(before.text, "0190a000-0000-7000-8000-0000000000c1");
    ck_assert(!payment_page_start("1", &before));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("saga");
    tcase_add_test(tcase, every_path_ends_paid_or_fully_undone);
    tcase_add_test(tcase, every_state_that_is_not_an_end_goes_on_when_its_command_is_done);
    tcase_add_test(tcase, each_state_leads_where_the_diagram_says);
    tcase_add_test(tcase, only_a_clear_no_is_a_refusal);
    tcase_add_test(tcase, no_payment_fails_with_a_debit_left_to_come);
    tcase_add_test(tcase, a_user_is_told_paid_as_soon_as_the_seat_is_sold);
    tcase_add_test(tcase, state_names_lead_back_to_their_states);
    tcase_add_test(tcase, the_back_off_doubles_up_to_its_limit);
    tcase_add_test(tcase, a_payment_keeps_why_it_is_being_undone);
    tcase_add_test(tcase, a_claim_must_be_something_that_can_be_paid);
    tcase_add_test(tcase, pages_are_checked_on_both_sides);

    Suite *suite = suite_create("payment saga");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
