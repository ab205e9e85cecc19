#include "present.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"

static enum status full(struct ctx *ctx)
{
    return ctx_fail(ctx, ST_OVERLOADED, "arena full");
}

enum status present_concert(struct ctx *ctx, const struct catalog_concert *concert,
                            Concert **ret_concert)
{
    Concert *message = arena_alloc(ctx->arena, sizeof *message);
    struct catalog_concert *texts = arena_memdup(ctx->arena, concert, sizeof *concert);
    char *currency = arena_strdup(ctx->arena, CATALOG_CURRENCY);
    if (message == NULL || texts == NULL || currency == NULL)
        return full(ctx);
    boxoffice__concert__v1__concert__init(message);
    message->concert_id = texts->concert_id.text;
    message->title = texts->title;
    message->artist = texts->artist;
    message->venue = texts->venue;
    message->queue = texts->queue;
    message->currency = currency;
    *ret_concert = message;
    return ST_OK;
}

enum status present_tiers(struct ctx *ctx, const struct catalog_date *date, PriceTier ***ret_tiers)
{
    PriceTier **list = arena_calloc(ctx->arena, date->tier_count, sizeof *list);
    PriceTier *tiers = arena_calloc(ctx->arena, date->tier_count, sizeof *tiers);
    if (list == NULL || tiers == NULL)
        return full(ctx);
    for (size_t i = 0; i < date->tier_count; i++) {
        boxoffice__concert__v1__price_tier__init(&tiers[i]);
        tiers[i].first_seat_no = (int32_t)date->tiers[i].first_seat_no;
        tiers[i].last_seat_no = (int32_t)date->tiers[i].last_seat_no;
        tiers[i].price_won = date->tiers[i].price_won;
        list[i] = &tiers[i];
    }
    *ret_tiers = list;
    return ST_OK;
}

enum status present_date(struct ctx *ctx, const struct catalog_date *date, ConcertDate **ret_date)
{
    ConcertDate *message = arena_alloc(ctx->arena, sizeof *message);
    if (message == NULL)
        return full(ctx);
    boxoffice__concert__v1__concert_date__init(message);
    message->date = arena_strdup(ctx->arena, date->date);
    if (message->date == NULL)
        return full(ctx);
    message->starts_at_unix_ms = date->starts_at_unix_ms;
    message->seats_total = (int32_t)date->seats_total;
    message->sale_opens_at_unix_ms = date->sale_opens_at_unix_ms;
    message->sale_closes_at_unix_ms = date->sale_closes_at_unix_ms;
    TRY(present_tiers(ctx, date, &message->tiers));
    message->n_tiers = date->tier_count;
    *ret_date = message;
    return ST_OK;
}

static Boxoffice__Concert__V1__SeatStatus seat_status(const struct catalog_occupancy *occupancy,
                                                      int64_t seat_no)
{
    if (catalog_bit(occupancy->sold, seat_no))
        return BOXOFFICE__CONCERT__V1__SEAT_STATUS__SEAT_STATUS_SOLD;
    if (catalog_bit(occupancy->held, seat_no))
        return BOXOFFICE__CONCERT__V1__SEAT_STATUS__SEAT_STATUS_HELD;
    return BOXOFFICE__CONCERT__V1__SEAT_STATUS__SEAT_STATUS_AVAILABLE;
}

enum status present_seats(struct ctx *ctx, const struct catalog_date *date,
                          const struct catalog_occupancy *occupancy, bool all,
                          DateSeats **ret_seats)
{
    const int64_t available =
        catalog_free_seats(date->seats_total, occupancy->held, occupancy->sold);
    const size_t count = (size_t)(all ? date->seats_total : available);
    DateSeats *message = arena_alloc(ctx->arena, sizeof *message);
    Seat *seats = arena_calloc(ctx->arena, count, sizeof *seats);
    Seat **list = arena_calloc(ctx->arena, count, sizeof *list);
    if (message == NULL || seats == NULL || list == NULL)
        return full(ctx);
    boxoffice__concert__v1__date_seats__init(message);
    message->date = arena_strdup(ctx->arena, date->date);
    if (message->date == NULL)
        return full(ctx);
    message->starts_at_unix_ms = date->starts_at_unix_ms;
    message->seats_total = (int32_t)date->seats_total;
    message->seats_available = (int32_t)available;
    message->version = occupancy->version;
    message->seats = list;
    for (int64_t seat_no = 1; seat_no <= date->seats_total; seat_no++) {
        const Boxoffice__Concert__V1__SeatStatus status = seat_status(occupancy, seat_no);
        if (!all && status != BOXOFFICE__CONCERT__V1__SEAT_STATUS__SEAT_STATUS_AVAILABLE)
            continue;
        Seat *seat = &seats[message->n_seats];
        boxoffice__concert__v1__seat__init(seat);
        seat->seat_no = (int32_t)seat_no;
        seat->price_won = catalog_price_won(date, seat_no);
        seat->status = status;
        list[message->n_seats++] = seat;
    }
    *ret_seats = message;
    return ST_OK;
}

/* Texts that do not fit are violations; what is read of them then is never used. */
static void read_text(struct ctx *ctx, const char *pointer, const char *text, char *to, size_t size)
{
    const size_t length = strlen(text);
    if (length >= size)
        ctx_violate(ctx, pointer, "must have at most %zu bytes", size - 1);
    else if (!base_is_utf8(text, length))
        ctx_violate(ctx, pointer, "must be UTF-8");
    base_copy_text(to, size, text);
}

void read_concert_message(struct ctx *ctx, const Concert *message,
                          struct catalog_concert *ret_concert)
{
    *ret_concert = (struct catalog_concert){0};
    /* One character more than an id has would be cut off: that is no id either. */
    if (strlen(message->concert_id) < UUID_TEXT_SIZE)
        base_copy_text(ret_concert->concert_id.text, UUID_TEXT_SIZE, message->concert_id);
    read_text(ctx, "/concert/title", message->title, ret_concert->title, sizeof ret_concert->title);
    read_text(ctx, "/concert/artist", message->artist, ret_concert->artist,
              sizeof ret_concert->artist);
    read_text(ctx, "/concert/venue", message->venue, ret_concert->venue, sizeof ret_concert->venue);
    const char *queue = message->queue[0] == '\0' ? "main" : message->queue;
    read_text(ctx, "/concert/queue", queue, ret_concert->queue, sizeof ret_concert->queue);
    if (message->currency[0] != '\0' && strcmp(message->currency, CATALOG_CURRENCY) != 0)
        ctx_violate(ctx, "/concert/currency", "must be " CATALOG_CURRENCY);
    catalog_check_concert(ctx, ret_concert);
}

void read_date_message(struct ctx *ctx, const char *prefix, const ConcertDate *message,
                       struct catalog_date *ret_date)
{
    *ret_date = (struct catalog_date){
        .starts_at_unix_ms = message->starts_at_unix_ms,
        .seats_total = message->seats_total == 0 ? CATALOG_SEATS_DEFAULT : message->seats_total,
        .sale_opens_at_unix_ms = message->sale_opens_at_unix_ms,
        .sale_closes_at_unix_ms = message->sale_closes_at_unix_ms == 0
                                      ? message->starts_at_unix_ms
                                      : message->sale_closes_at_unix_ms,
        .tier_count = message->n_tiers,
    };
    if (strlen(message->date) < CLOCK_DATE_SIZE)
        base_copy_text(ret_date->date, sizeof ret_date->date, message->date);
    for (size_t i = 0; i < message->n_tiers && i < CATALOG_TIERS_MAX; i++)
        ret_date->tiers[i] =
            (struct catalog_tier){.first_seat_no = message->tiers[i]->first_seat_no,
                                  .last_seat_no = message->tiers[i]->last_seat_no,
                                  .price_won = message->tiers[i]->price_won};
    catalog_check_date(ctx, prefix, ret_date);
}
