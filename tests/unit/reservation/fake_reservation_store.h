/* Stands in for services/reservation/store.c and peers.c: one claim and one date, calls that fail
 * on demand, and what was asked. */
#ifndef FAKE_RESERVATION_STORE_H
#define FAKE_RESERVATION_STORE_H

#include "peers.h"
#include "store.h"

struct fake_reservation_store {
    struct claim claim; /* the only one there is */
    struct claim_date date;
    enum status reserve_answer; /* a refusal of the rules; ST_OK: made */
    bool replayed;
    size_t lost_moves;         /* that many moves find that the claim has moved on */
    enum claim_status becomes; /* what it has become by then */
    struct claim list[CLAIM_PAGE_MAX + 2];
    size_t list_count;
    const char *held, *sold; /* of every date of an occupancy; NULL: see fake_seats.h */

    size_t fail_call; /* the call, from 1, that fails; 0 for none */
    enum status fail_status;

    size_t calls; /* of the store and the catalog together */
    size_t effects;
    struct claim_wish wish;
    struct claim_move move;
    char before[UUID_TEXT_SIZE];
    size_t limit;
};
extern struct fake_reservation_store fake_store;
extern const struct page_key fake_page_key;

/* A call: counted, and failing if it is the one to fail. */
enum status fake_store_call(struct ctx *ctx) MUST_CHECK;

#endif
