/* A small world for the saga: stands in for services/payment/store.c and peers.c with one payment,
 * one seat, one wallet and one token that behave as the real ones are required to, and with a fault
 * that can hit any call to any of them. */
#ifndef PAYMENT_WORLD_H
#define PAYMENT_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include "payment.h"
#include "store.h"

enum seat { SEAT_HELD, SEAT_PAYING, SEAT_CONFIRMED, SEAT_LAPSED };

struct world {
    /* The payment's row. */
    bool recorded;
    struct payment row;
    char key[PAYMENT_KEY_MAX + 1];
    bool leased;
    size_t starts;

    enum seat seat;
    int64_t price_won;
    bool lapses_before_confirm;
    int64_t balance_won;
    bool debited;
    bool refunded;
    bool token_live;

    /* The status of every call of that command instead of doing it; ST_OK: none. */
    enum status refusals[SAGA_COMMAND_COUNT];
    /* The call, counted from 1 over all stores and peers, that is lost: 0 for none. */
    size_t fault_at;
    bool fault_after; /* the call has its effect, only the answer is lost */
    enum status fault;
    size_t calls;
    size_t commands[SAGA_COMMAND_COUNT];
};
extern struct world world;

/* A held seat of 300 won, a wallet of 1000, a live token; nothing recorded. */
void world_begin(void);
/* Whether all agree about how it ended: paid, or nothing happened. */
bool world_is_paid(void);
bool world_is_undone(void);

#endif
