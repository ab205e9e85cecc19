/* One Reserve through gRPC, 128 in flight.
 *   bench_reserve <concert target> <reservation target> <seconds>   prints reservations a second,
 * and how many in all */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "boxoffice/concert/v1/concert.pb-c.h"
#include "boxoffice/reservation/v1/reservation.pb-c.h"
#include "load.h"
#include "rpc/client.h"

enum { IN_FLIGHT = 128, CHANNELS = 1, ARENA_SIZE = 128 * 1024, DATES = 360, SEATS = 5000 };
#define CONCERT "00000000-0000-7000-8000-00000000be0c"
#define DAY_MS  INT64_C(86400000)

static void day(int64_t index, char ret_date[static CLOCK_DATE_SIZE])
{
    clock_format_date(clock_wall_ms() + (index + 2) * DAY_MS, ret_date);
}

static enum status add_date(struct ctx *ctx, struct rpc_client *client, int64_t index)
{
    static const struct rpc_call_type type = {
        "/boxoffice.concert.v1.ConcertService/AddDate",
        &boxoffice__concert__v1__add_date_response__descriptor};
    char date[CLOCK_DATE_SIZE], concert[] = CONCERT;
    day(index, date);
    Boxoffice__Concert__V1__PriceTier tier = BOXOFFICE__CONCERT__V1__PRICE_TIER__INIT;
    Boxoffice__Concert__V1__PriceTier *tiers[] = {&tier};
    tier.first_seat_no = 1;
    tier.last_seat_no = SEATS;
    tier.price_won = 1000;
    Boxoffice__Concert__V1__ConcertDate message = BOXOFFICE__CONCERT__V1__CONCERT_DATE__INIT;
    message.date = date;
    message.starts_at_unix_ms = clock_date_to_wall_ms(date) + DAY_MS / 2;
    message.seats_total = SEATS;
    message.sale_closes_at_unix_ms = message.starts_at_unix_ms;
    message.tiers = tiers;
    message.n_tiers = 1;
    Boxoffice__Concert__V1__AddDateRequest request = BOXOFFICE__CONCERT__V1__ADD_DATE_REQUEST__INIT;
    request.concert_id = concert;
    request.date = &message;
    Boxoffice__Concert__V1__AddDateResponse *response = NULL;
    return rpc_call(ctx, client, &type, &request.base, &response);
}

static enum status seed(struct ctx *ctx, const char *target)
{
    static const struct rpc_call_type type = {
        "/boxoffice.concert.v1.ConcertService/CreateConcert",
        &boxoffice__concert__v1__create_concert_response__descriptor};
    struct rpc_client *client = NULL;
    TRY(rpc_client_new(&(struct rpc_client_options){.target = target}, &client));
    char concert_id[] = CONCERT, title[] = "Bench";
    Boxoffice__Concert__V1__Concert concert = BOXOFFICE__CONCERT__V1__CONCERT__INIT;
    concert.concert_id = concert_id;
    concert.title = title;
    Boxoffice__Concert__V1__CreateConcertRequest request =
        BOXOFFICE__CONCERT__V1__CREATE_CONCERT_REQUEST__INIT;
    request.concert = &concert;
    Boxoffice__Concert__V1__CreateConcertResponse *response = NULL;
    enum status status = rpc_call(ctx, client, &type, &request.base, &response);
    for (int64_t i = 0; i < DATES && status == ST_OK; i++)
        status = add_date(ctx, client, i);
    rpc_client_free(&client);
    return status;
}

static void *make(void *self, size_t thread)
{
    (void)self;
    (void)thread;
    return malloc(ARENA_SIZE);
}

static bool reserve(void *self, void *state, uint64_t round)
{
    static const struct rpc_call_type type = {
        "/boxoffice.reservation.v1.ReservationService/Reserve",
        &boxoffice__reservation__v1__reserve_response__descriptor};
    (void)round;
    struct arena arena;
    struct ctx ctx;
    struct uuid user_id, token_id;
    char date[CLOCK_DATE_SIZE], concert[] = CONCERT, queue[] = "main";
    arena_init(&arena, state, ARENA_SIZE);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, 10000);
    uuid_v4(&user_id);
    uuid_v4(&token_id);
    day((int64_t)load_random(DATES), date);
    Boxoffice__Reservation__V1__ReserveRequest request =
        BOXOFFICE__RESERVATION__V1__RESERVE_REQUEST__INIT;
    request.user_id = user_id.text;
    request.token_id = token_id.text;
    request.concert_id = concert;
    request.date = date;
    request.queue = queue;
    request.seat_no = 1 + (int32_t)load_random(SEATS);
    Boxoffice__Reservation__V1__ReserveResponse *response = NULL;
    const enum status status = rpc_call(&ctx, self, &type, &request.base, &response);
    if (status != ST_OK && status != ST_SEAT_HELD)
        fprintf(stderr, "%s %s\n", status_name(status), ctx.detail);
    return status == ST_OK || status == ST_SEAT_HELD;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s <concert target> <reservation target> <seconds>\n", argv[0]);
        return 2;
    }
    static unsigned char block[ARENA_SIZE];
    struct arena arena;
    struct ctx ctx;
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, 30000);
    struct rpc_client *client = NULL;
    if (seed(&ctx, argv[1]) != ST_OK) {
        fprintf(stderr, "seeding: %s\n", ctx.detail);
        return EXIT_FAILURE;
    }
    if (rpc_client_new(&(struct rpc_client_options){.target = argv[2], .channels = CHANNELS},
                       &client) != ST_OK)
        return EXIT_FAILURE;
    struct load_result result;
    load_run(&(struct load){.threads = IN_FLIGHT,
                            .seconds = strtod(argv[3], NULL),
                            .make = make,
                            .run = reserve,
                            .self = client},
             &result);
    rpc_client_free(&client);
    load_print(&result);
    return result.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
