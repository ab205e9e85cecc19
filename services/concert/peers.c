#include "peers.h"

#include "boxoffice/reservation/v1/reservation.pb-c.h"
#include "rpc/client.h"

typedef Boxoffice__Reservation__V1__GetOccupancyRequest GetOccupancyRequest;
typedef Boxoffice__Reservation__V1__GetOccupancyResponse GetOccupancyResponse;

static enum status fill_request(struct ctx *ctx, const char *concert_id,
                                const struct catalog_date dates[], size_t count,
                                const struct catalog_occupancy known[], GetOccupancyRequest *req)
{
    char **names = arena_calloc(ctx->arena, count, sizeof *names);
    int64_t *versions = arena_calloc(ctx->arena, count, sizeof *versions);
    req->concert_id = arena_strdup(ctx->arena, concert_id);
    if (names == NULL || versions == NULL || req->concert_id == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < count; i++) {
        names[i] = arena_strdup(ctx->arena, dates[i].date);
        if (names[i] == NULL)
            return ctx_fail(ctx, ST_OVERLOADED, "arena full");
        versions[i] = known != NULL ? known[i].version : 0;
    }
    req->dates = names;
    req->n_dates = count;
    req->known_versions = versions;
    req->n_known_versions = known != NULL ? count : 0;
    return ST_OK;
}

enum status peer_occupancy(struct ctx *ctx, struct rpc_client *reservation, const char *concert_id,
                           const struct catalog_date dates[], size_t count,
                           const struct catalog_occupancy known[],
                           struct catalog_occupancy **ret_occupancies)
{
    static const struct rpc_call_type type = {
        .path = "/boxoffice.reservation.v1.ReservationService/GetOccupancy",
        .output = &boxoffice__reservation__v1__get_occupancy_response__descriptor,
    };
    struct catalog_occupancy *occupancies = arena_calloc(ctx->arena, count, sizeof *occupancies);
    if (occupancies == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    *ret_occupancies = occupancies;
    if (count == 0)
        return ST_OK;

    GetOccupancyRequest request = BOXOFFICE__RESERVATION__V1__GET_OCCUPANCY_REQUEST__INIT;
    TRY(fill_request(ctx, concert_id, dates, count, known, &request));
    GetOccupancyResponse *response = NULL;
    TRY(rpc_call(ctx, reservation, &type, &request.base, &response));
    if (response->unchanged && known != NULL) {
        *ret_occupancies = NULL;
        return ST_OK;
    }
    if (response->n_dates != count)
        return ctx_fail(ctx, ST_INTERNAL, "occupancy of %zu dates, asked for %zu",
                        response->n_dates, count);
    for (size_t i = 0; i < count; i++)
        occupancies[i] = (struct catalog_occupancy){
            .held = {response->dates[i]->held.data, response->dates[i]->held.len},
            .sold = {response->dates[i]->sold.data, response->dates[i]->sold.len},
            .version = response->dates[i]->version,
        };
    return ST_OK;
}
