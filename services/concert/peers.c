#include "peers.h"

#include "boxoffice/reservation/v1/reservation.pb-c.h"
#include "rpc/client.h"

enum status peer_occupancy(struct ctx *ctx, struct rpc_client *reservation, const char *concert_id,
                           const struct catalog_date dates[], size_t count,
                           struct catalog_occupancy **ret_occupancies)
{
    static const struct rpc_call_type type = {
        .path = "/boxoffice.reservation.v1.ReservationService/GetOccupancy",
        .output = &boxoffice__reservation__v1__get_occupancy_response__descriptor,
    };
    struct catalog_occupancy *occupancies = arena_calloc(ctx->arena, count, sizeof *occupancies);
    char **names = arena_calloc(ctx->arena, count, sizeof *names);
    Boxoffice__Reservation__V1__GetOccupancyRequest request =
        BOXOFFICE__RESERVATION__V1__GET_OCCUPANCY_REQUEST__INIT;
    request.concert_id = arena_strdup(ctx->arena, concert_id);
    if (occupancies == NULL || names == NULL || request.concert_id == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < count; i++) {
        names[i] = arena_strdup(ctx->arena, dates[i].date);
        if (names[i] == NULL)
            return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    }
    request.dates = names;
    request.n_dates = count;
    *ret_occupancies = occupancies;
    if (count == 0)
        return ST_OK;

    Boxoffice__Reservation__V1__GetOccupancyResponse *response = NULL;
    TRY(rpc_call(ctx, reservation, &type, &request.base, &response));
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
