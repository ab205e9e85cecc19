#include "peers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "boxoffice/concert/v1/concert.pb-c.h"
#include "rpc/client.h"

enum { SETS = 256, WAYS = 4, KEEP_MS = 10000 };

struct entry {
    char key[UUID_TEXT_SIZE + CLOCK_DATE_SIZE];
    int64_t fresh_until_us; /* 0: empty */
    struct claim_date date;
};

/* A date has a set of places, by its hash; the one kept longest makes room. */
struct claim_catalog {
    struct rpc_client *concert;
    pthread_mutex_t lock;
    struct entry sets[SETS][WAYS];
};

struct claim_catalog *claim_catalog_new(struct rpc_client *concert)
{
    struct claim_catalog *catalog = calloc(1, sizeof *catalog);
    if (catalog == NULL)
        abort();
    catalog->concert = concert;
    pthread_mutex_init(&catalog->lock, NULL);
    return catalog;
}

void claim_catalog_free(struct claim_catalog **catalog)
{
    if (*catalog == NULL)
        return;
    pthread_mutex_destroy(&(*catalog)->lock);
    free(*catalog);
    *catalog = NULL;
}

static bool find(struct claim_catalog *catalog, const char *key, struct claim_date *ret_date)
{
    const struct entry *set = catalog->sets[base_hash64(key) % SETS];
    const int64_t now_us = clock_monotonic_us();
    bool found = false;
    pthread_mutex_lock(&catalog->lock);
    for (size_t i = 0; i < WAYS && !found; i++) {
        found = set[i].fresh_until_us > now_us && strcmp(set[i].key, key) == 0;
        if (found)
            *ret_date = set[i].date;
    }
    pthread_mutex_unlock(&catalog->lock);
    return found;
}

static void keep(struct claim_catalog *catalog, const char *key, const struct claim_date *date)
{
    struct entry *set = catalog->sets[base_hash64(key) % SETS];
    pthread_mutex_lock(&catalog->lock);
    struct entry *place = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (strcmp(set[i].key, key) == 0) {
            place = &set[i];
            break;
        }
        if (set[i].fresh_until_us < place->fresh_until_us)
            place = &set[i];
    }
    base_copy_text(place->key, sizeof place->key, key);
    place->fresh_until_us = clock_monotonic_us() + (int64_t)KEEP_MS * 1000;
    place->date = *date;
    pthread_mutex_unlock(&catalog->lock);
}

static enum status read_date(struct ctx *ctx,
                             const Boxoffice__Concert__V1__GetSeatResponse *response,
                             struct claim_date *ret_date)
{
    struct claim_date date = {
        .seats_total = response->seats_total,
        .starts_at_unix_ms = response->starts_at_unix_ms,
        .sale_opens_at_unix_ms = response->sale_opens_at_unix_ms,
        .sale_closes_at_unix_ms = response->sale_closes_at_unix_ms,
        .tier_count = response->n_tiers,
    };
    if (response->n_tiers == 0 || response->n_tiers > CATALOG_TIERS_MAX ||
        response->seats_total < 1 || response->seats_total > CLAIM_SEATS_MAX)
        return ctx_fail(ctx, ST_INTERNAL, "the catalog answered a date that cannot be sold");
    base_copy_text(date.currency, sizeof date.currency, response->currency);
    base_copy_text(date.queue, sizeof date.queue, response->queue);
    for (size_t i = 0; i < response->n_tiers; i++)
        date.tiers[i] = (struct claim_tier){.first_seat_no = response->tiers[i]->first_seat_no,
                                            .last_seat_no = response->tiers[i]->last_seat_no,
                                            .price_won = response->tiers[i]->price_won};
    *ret_date = date;
    return ST_OK;
}

enum status claim_catalog_date(struct ctx *ctx, struct claim_catalog *catalog,
                               const char *concert_id, const char *date,
                               struct claim_date *ret_date)
{
    static const struct rpc_call_type type = {
        .path = "/boxoffice.concert.v1.ConcertService/GetSeat",
        .output = &boxoffice__concert__v1__get_seat_response__descriptor,
    };
    char key[UUID_TEXT_SIZE + CLOCK_DATE_SIZE];
    snprintf(key, sizeof key, "%s/%s", concert_id, date);
    if (find(catalog, key, ret_date))
        return ST_OK;

    Boxoffice__Concert__V1__GetSeatRequest request = BOXOFFICE__CONCERT__V1__GET_SEAT_REQUEST__INIT;
    request.concert_id = arena_strdup(ctx->arena, concert_id);
    request.date = arena_strdup(ctx->arena, date);
    request.seat_no = 1; /* every date has one, and the answer prices them all */
    if (request.concert_id == NULL || request.date == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    Boxoffice__Concert__V1__GetSeatResponse *response = NULL;
    TRY(rpc_call(ctx, catalog->concert, &type, &request.base, &response));
    TRY(read_date(ctx, response, ret_date));
    keep(catalog, key, ret_date);
    return ST_OK;
}
