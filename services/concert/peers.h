/* What concert asks of the reservation service: which seats are held and sold right now. */
#ifndef CONCERT_PEERS_H
#define CONCERT_PEERS_H

#include "base/ctx.h"
#include "catalog.h"

struct rpc_client;

struct catalog_occupancy {
    struct catalog_bits held, sold; /* in the arena */
    int64_t version;
};

/* One for each date, in the order asked; one call. `known` are those of an earlier answer for the
 * same dates, or NULL: when they still hold, *ret_occupancies is NULL. In the arena. */
enum status peer_occupancy(struct ctx *ctx, struct rpc_client *reservation, const char *concert_id,
                           const struct catalog_date dates[], size_t count,
                           const struct catalog_occupancy known[],
                           struct catalog_occupancy **ret_occupancies) MUST_CHECK;

#endif
