/* One date's seats in plain C: what must be true after each command, written down apart from the
 * store, its statements and the rules of claim.c. Time is counted in units. */
#ifndef SEAT_MODEL_H
#define SEAT_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum {
    MODEL_SEATS = 5,
    MODEL_CLAIMS_MAX = 4000,
    MODEL_HOLD = 3,      /* units a hold lasts */
    MODEL_EXTENSION = 3, /* and a lease goes beyond it at most */
    MODEL_DAY = 864,     /* units a key is kept */
};

enum model_state { MODEL_HELD, MODEL_PAYING, MODEL_CONFIRMED, MODEL_EXPIRED, MODEL_CANCELLED };

struct model_claim {
    int user, seat, key; /* key 0: none */
    int made_at, hold_until, claim_until;
    int payment; /* that began last; 0: none */
    enum model_state state;
};

struct model {
    int now;
    size_t count;
    struct model_claim claims[MODEL_CLAIMS_MAX];
};

/* *ret_claim is the claim made, or that of an earlier request with the key (*ret_replayed). */
enum status model_reserve(struct model *model, int user, int seat, int key, size_t *ret_claim,
                          bool *ret_replayed);
enum status model_begin(struct model *model, size_t claim, int payment, int lease);
enum status model_confirm(struct model *model, size_t claim, int payment);
enum status model_release(struct model *model, size_t claim, int payment);
enum status model_cancel(struct model *model, size_t claim);
void model_pass(struct model *model, int units);

/* As anybody would see it now. */
enum model_state model_state(const struct model *model, size_t claim);
/* MODEL_HELD for held and paying, MODEL_CONFIRMED for sold, MODEL_CANCELLED for free. */
enum model_state model_seat(const struct model *model, int seat);

#endif
