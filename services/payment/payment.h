/* A payment: one attempt of a user to pay a reservation. */
#ifndef PAYMENT_PAYMENT_H
#define PAYMENT_PAYMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/uuid.h"
#include "saga.h"

enum {
    PAYMENT_KEY_MAX = 128, /* characters of an idempotency key */
    PAYMENT_QUEUE_MAX = 64,
    PAYMENT_PAGE_DEFAULT = 20,
    PAYMENT_PAGE_MAX = 100,
};

#define PAYMENT_CURRENCY_SIZE 4

/* What is paid for; known from the claim on. */
struct payment_claim {
    int64_t amount_won; /* 0: not known yet */
    char currency[PAYMENT_CURRENCY_SIZE];
    struct uuid concert_id;
    char date[CLOCK_DATE_SIZE];
    int32_t seat_no;
};

struct payment {
    struct uuid payment_id;
    struct uuid user_id;
    struct uuid reservation_id;
    struct uuid debit_id;
    struct uuid token_id;
    char queue[PAYMENT_QUEUE_MAX + 1];
    enum saga_state state;
    enum status failure; /* ST_OK unless it is being undone or has failed */
    struct payment_claim claim;
    int64_t balance_after_won; /* right after the debit */
    int64_t created_at_unix_ms;
    int64_t paid_at_unix_ms; /* 0 before */
    int64_t attempts;        /* times in a row that the present step ended without an answer */
    struct uuid lease_id;    /* of whoever drives it; empty when nobody does */
    int64_t lease_end_us;    /* until when that surely lasts, by its holder's monotonic clock */
};

/* What there is to do for payments that nobody drives. Apart, so that a queue service that is away,
 * with every paid token waiting for it, never keeps anybody's money or seat waiting. */
enum payment_work {
    PAYMENT_WORK_SETTLE, /* to be paid or undone */
    PAYMENT_WORK_TOKENS, /* paid, with the queue token to be expired */
};

/* 0 asks for the default; false and unchanged outside 0..PAYMENT_PAGE_MAX. */
bool payment_page_size(int32_t asked, size_t *ret_size);
/* "" starts at the newest payment; otherwise the id of the last payment seen. False and unchanged
 * for any other text. */
bool payment_page_start(const char *page_token, struct uuid *ret_before);

/* Applies an event to the payment: its next state, and the failure when the refusal is one. The
 * payment must be in a state that has this transition (asserted). */
void payment_apply(struct payment *payment, const struct saga_transition *transition,
                   enum status refusal);

/* Whether what a peer says the seat is can be paid: an amount of 1 won or more, a currency of three
 * capitals, a real date, a seat number from 1. */
bool payment_claim_is_valid(const struct payment_claim *claim);

#endif
