/* A subscription to a peer's stream that is made anew, with backoff, whenever it ends. One thread
 * cares for it; the callbacks of the subscription only leave notes. */
#ifndef GATEWAY_FEED_H
#define GATEWAY_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/client.h"

enum { FEED_BACKOFF_MS_MIN = 100, FEED_BACKOFF_MS_MAX = 5000 };

struct feed {
    _Atomic bool is_lost;  /* the subscription has ended */
    _Atomic bool has_news; /* something came since it was made: the next loss begins small */

    /* Care's own. */
    struct rpc_subscription *subscription;
    int failures;
    int64_t due_us;
};

struct feed_source {
    struct rpc_client *client;
    const struct rpc_call_type *type;
    const ProtobufCMessage *request;
    rpc_message_fn *on_message; /* calls feed_note_news */
    rpc_end_fn *on_end;         /* calls feed_note_end */
    void *self;
    const char *name; /* spreads the backoff: those who were lost together come back one by one */
};

/* From the callbacks. */
void feed_note_news(struct feed *feed);
void feed_note_end(struct feed *feed);
/* Subscribes when there is no subscription and it is time; true when it did. */
bool feed_care(struct ctx *ctx, struct feed *feed, const struct feed_source *source);
/* Ends the subscription; no callback runs afterwards. Waits for a running one, so no lock that a
 * callback takes may be held. */
void feed_end(struct feed *feed);

#endif
