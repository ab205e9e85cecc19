/* Users who watch their place by a server stream. One publisher looks at all watched places of an
 * instance, a few hundred in one round trip, and tells those whose place changed; no stream holds a
 * worker. */
#ifndef QUEUE_WATCH_H
#define QUEUE_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "line.h"
#include "rpc/method.h"

struct queue_store;
struct watch_list;

enum { WATCHES_MAX = 16384 };

/* Borrows the store; looks every interval_ms. */
struct watch_list *watch_list_start(struct queue_store *store, int64_t interval_ms);
/* Ends every stream with ST_UNAVAILABLE, so that its user comes back by another instance, and
 * frees. */
void watch_list_stop(struct watch_list **list);
/* Ends every stream and refuses new ones, before the server stops. */
void watch_list_close(struct watch_list *list);

/* Takes over the stream of a place that was told to the user as it is now. ST_OVERLOADED with
 * WATCHES_MAX others, ST_UNAVAILABLE when closed; the stream is not taken then. */
enum status watch_list_add(struct ctx *ctx, struct watch_list *list, const struct place *place,
                           struct rpc_stream *stream) MUST_CHECK;

/* Sends a place on a stream; false when the stream is over. */
bool watch_send(const struct line_figures *figures, const struct place *place,
                struct rpc_stream *stream);

#endif
