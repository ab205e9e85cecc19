/* What the commands ask of running services. All of rpc/client.h's statuses can come beside those
 * of the peer. */
#ifndef ADMIN_PEERS_H
#define ADMIN_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "demo.h"
#include "policy.h"

struct rpc_client;

/* Safe to repeat. *ret_created false when it was there already. */
enum status peer_create_concert(struct ctx *ctx, struct rpc_client *concert,
                                const struct demo_concert *demo, bool *ret_created) MUST_CHECK;
enum status peer_add_date(struct ctx *ctx, struct rpc_client *concert,
                          const struct demo_concert *demo, const struct demo_date *date,
                          bool *ret_created) MUST_CHECK;

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
