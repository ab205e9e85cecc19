/* What reservation asks of the concert service: a date's seats, prices and sale window, kept for a
 * moment, as they hardly ever change. */
#ifndef RESERVATION_PEERS_H
#define RESERVATION_PEERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "claim.h"

struct rpc_client;
struct claim_catalog;

enum { CATALOG_TIERS_MAX = 32 };

struct claim_date {
    int64_t seats_total;
    int64_t starts_at_unix_ms, sale_opens_at_unix_ms, sale_closes_at_unix_ms;
    char currency[4];
    char queue[CLAIM_QUEUE_MAX + 1];
    struct claim_tier tiers[CATALOG_TIERS_MAX];
    size_t tier_count;
};

/* `concert` is borrowed. */
struct claim_catalog *claim_catalog_new(struct rpc_client *concert);
void claim_catalog_free(struct claim_catalog **catalog);

/* ST_CONCERT_NOT_FOUND, ST_DATE_NOT_FOUND; any failure of the call. */
enum status claim_catalog_date(struct ctx *ctx, struct claim_catalog *catalog,
                               const char *concert_id, const char *date,
                               struct claim_date *ret_date) MUST_CHECK;

#endif
