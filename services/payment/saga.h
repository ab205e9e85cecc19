/* The saga of one payment: pure. Each state names the one command that is due in it; the command's
 * outcome is the event that leads to the next state, which is recorded before its command runs. */
#ifndef PAYMENT_SAGA_H
#define PAYMENT_SAGA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/status.h"

/*
 *    CLAIMING --done--> DEBITING --done--> CONFIRMING --done--> EXPIRING_TOKEN --done--> COMPLETED
 *       |                  |                   |                     |                     ^
 *       |               refused             refused                  +------refused--------+
 *       |                  |                   |
 *       |                  +-------------------+---> REFUNDING --done--> RELEASING
 *       |                                                                    |
 *       +--------------refused--------------> FAILED <-----done, refused-----+
 *
 * A refused debit is refunded too: an earlier attempt of it that found no answer may still be on
 * its way, and the refund takes back what it took or blocks it for good.
 *
 * An outcome that is not known (a peer that could not be reached or did not answer, or an answer
 * that is no clear no) is no event: the payment stays where it is and the same command runs again
 * under the same ids, until it is known.
 */
enum saga_state {
    SAGA_CLAIMING,
    SAGA_DEBITING,
    SAGA_CONFIRMING,
    SAGA_EXPIRING_TOKEN, /* paid: all that is left is to end the user's place in line */
    SAGA_COMPLETED,
    SAGA_REFUNDING,
    SAGA_RELEASING,
    SAGA_FAILED,
    SAGA_STATE_COUNT
};

enum saga_command {
    SAGA_NO_COMMAND, /* the state is an end */
    SAGA_CLAIM_SEAT,
    SAGA_DEBIT_WALLET,
    SAGA_CONFIRM_SEAT,
    SAGA_EXPIRE_TOKEN,
    SAGA_REFUND_WALLET,
    SAGA_RELEASE_SEAT,
    SAGA_COMMAND_COUNT
};

enum saga_event { SAGA_DONE, SAGA_REFUSED, SAGA_UNKNOWN };

/* What a payment's user is told. */
enum saga_outcome { SAGA_PENDING, SAGA_PAID, SAGA_NOT_PAID };

struct saga_transition {
    enum saga_state from;
    enum saga_event event; /* SAGA_DONE or SAGA_REFUSED */
    enum saga_state to;
    bool fails;           /* the refusal becomes the payment's failure */
    const char *sentence; /* for the log */
};

/* The row for an event in a state, or NULL when there is none: SAGA_UNKNOWN, or an end state, or a
 * refusal of what cannot be refused. */
const struct saga_transition *saga_find(enum saga_state from, enum saga_event event);

enum saga_command saga_command(enum saga_state state);
bool saga_is_over(enum saga_state state);
enum saga_outcome saga_outcome(enum saga_state state);

/* What the status of a command's call means. Only the statuses listed for a command are refusals:
 * whatever else a peer or the way to it says is SAGA_UNKNOWN. A refund is never refused: the user's
 * money is still owed, so it is tried again. */
enum saga_event saga_classify(enum saga_command command, enum status status);

/* How long to leave a payment alone after `attempts` (1 or more) unknown outcomes in a row:
 * doubling from SAGA_BACKOFF_MS_MIN to SAGA_BACKOFF_MS_MAX. */
enum { SAGA_BACKOFF_MS_MIN = 100, SAGA_BACKOFF_MS_MAX = 5000 };
int64_t saga_backoff_ms(int64_t attempts);

/* Names as they are stored, e.g. "EXPIRING_TOKEN", and as fail points call the steps, e.g.
 * "expire_token". */
const char *saga_state_name(enum saga_state state);
bool saga_state_from_name(const char *name, enum saga_state *ret_state);
const char *saga_command_name(enum saga_command command);

#endif
