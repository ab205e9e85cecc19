/* Stands in for services/payment/peers.c: reservation, wallet and queue in memory, for any number
 * of payments and threads, behaving as the real ones are required to. */
#ifndef FAKE_PEERS_H
#define FAKE_PEERS_H

#include <stdbool.h>
#include <stddef.h>

#include "payment.h"

enum seat { SEAT_HELD, SEAT_PAYING, SEAT_CONFIRMED, SEAT_LAPSED };

struct fake_seat {
    struct uuid reservation_id;
    struct uuid user_id; /* the owner; claims by others find no such reservation */
    enum seat seat;
    struct uuid payment_id; /* that claimed it last */
    bool lapses;            /* before it can be confirmed */
    bool poor;              /* its user cannot pay */
    int debits;
    int refunds;
    bool blocked; /* a refund came: the debit can never happen any more */
    int expired_tokens;
};

enum { FAKE_SEATS_MAX = 256 };

/* Forgets everything. */
void fake_peers_begin(void);
/* A held seat of a new user. */
struct fake_seat *fake_peers_add_seat(void);
/* Every call is lost with this chance in percent, half of them after they had their effect. */
void fake_peers_lose(unsigned percent);
/* Calls of this command by this process answer nothing (ST_UNAVAILABLE), until told
 * SAGA_NO_COMMAND. */
void fake_peers_silence(enum saga_command command);

/* Whether a seat's story has an end that all agree with. */
bool fake_seat_is_paid(const struct fake_seat *seat);
bool fake_seat_is_undone(const struct fake_seat *seat);

#endif
