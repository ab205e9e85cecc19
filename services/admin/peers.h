/* What the commands ask of running services. All of rpc/client.h's statuses can come beside those
 * of the peer. */
#ifndef ADMIN_PEERS_H
#define ADMIN_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "policy.h"
#include "season.h"

struct rpc_client;

/* A concert with some of its dates, `count` from `first` on: all of it is written or nothing. */
struct peer_wish {
    const struct season_concert *concert;
    size_t first, count;
    bool validate_only; /* judged alone */
};
enum { PEER_DATES_MAX = 50 }; /* of a wish: 31 KiB, below what a request may have */

/* Safe to repeat: *ret_created is false, and *ret_added fewer, for what was there already. */
enum status peer_publish(struct ctx *ctx, struct rpc_client *client, const struct peer_wish *wish,
                         bool *ret_created, int *ret_added) MUST_CHECK;
enum status peer_add_date(struct ctx *ctx, struct rpc_client *client, const char *concert_id,
                          const struct season_date *date, bool *ret_created) MUST_CHECK;

struct queue_figures {
    struct queue_policy policy;
    int64_t waiting;
    int64_t active;
    int64_t admitted_total;
    int64_t skipped_total;
    int64_t admission_rate_milli;
    int64_t oldest_wait_ms;
    int64_t last_sequence;
};
enum status peer_get_queue(struct ctx *ctx, struct rpc_client *queue, const char *name,
                           struct queue_figures *ret_figures) MUST_CHECK;
enum status peer_set_policy(struct ctx *ctx, struct rpc_client *queue, const char *name,
                            const struct queue_policy *policy) MUST_CHECK;

#endif
