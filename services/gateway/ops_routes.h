/* The operator's view: what /ops shows and changes, behind a secret of its own. Without a secret
 * there is no such address. */
#ifndef GATEWAY_OPS_ROUTES_H
#define GATEWAY_OPS_ROUTES_H

#include "http/server.h"

enum {
    OPS_SECRET_MIN = 16,
    OPS_RATE = 10, /* requests of one address a second: guessing takes ages */
};

/* Whether the two are the same, in a time that tells nothing but the length of `given`. */
bool ops_secret_is_right(const char *secret, const char *given);

/* GET: {queues, seats, payments, audit, away}. A service that does not answer is named in `away`,
 * and the rest is there. */
http_handle_fn gateway_ops_overview;
/* PUT {kind, capacity, admit_batch, admit_interval_ms, active_ttl_ms, absent_ms}; a pause stays. */
http_handle_fn gateway_ops_set_policy;
/* POST, without a body. */
http_handle_fn gateway_ops_pause, gateway_ops_resume;

#endif
