#include "catalog.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

PRINTF_LIKE(4, 5)
static void violate(struct ctx *ctx, const char *prefix, const char *member, const char *format,
                    ...)
{
    char pointer[64], text[96];
    va_list args;
    snprintf(pointer, sizeof pointer, "%s/%s", prefix, member);
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ctx_violate(ctx, pointer, "%s", text);
}

void catalog_check_concert(struct ctx *ctx, const struct catalog_concert *concert)
{
    if (!uuid_is_valid(concert->concert_id.text))
        violate(ctx, "/concert", "concert_id", "must be a lower-case UUID");
    if (concert->title[0] == '\0')
        violate(ctx, "/concert", "title", "must have 1 to %d bytes", CATALOG_TITLE_MAX);
    const size_t length = strspn(concert->queue, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    if (length < 1 || length > CATALOG_QUEUE_MAX || concert->queue[length] != '\0')
        violate(ctx, "/concert", "queue", "must be 1 to %d of a-z 0-9 - _", CATALOG_QUEUE_MAX);
}

/* Tiers stand in order and leave no seat out. */
static void check_tiers(struct ctx *ctx, const char *prefix, const struct catalog_date *date)
{
    int64_t next = 1;
    if (date->tier_count < 1 || date->tier_count > CATALOG_TIERS_MAX) {
        violate(ctx, prefix, "tiers", "must be 1 to %d", CATALOG_TIERS_MAX);
        return;
    }
    for (size_t i = 0; i < date->tier_count; i++) {
        const struct catalog_tier *tier = &date->tiers[i];
        char member[48];
        snprintf(member, sizeof member, "tiers/%zu/first_seat_no", i);
        if (tier->first_seat_no != next)
            violate(ctx, prefix, member, "must be %" PRId64, next);
        snprintf(member, sizeof member, "tiers/%zu/last_seat_no", i);
        if (tier->last_seat_no < tier->first_seat_no)
            violate(ctx, prefix, member, "must not be before the first");
        snprintf(member, sizeof member, "tiers/%zu/price_won", i);
        if (tier->price_won < 1 || tier->price_won > CATALOG_PRICE_WON_MAX)
            violate(ctx, prefix, member, "must be 1 to %" PRId64, CATALOG_PRICE_WON_MAX);
        next = tier->last_seat_no + 1;
    }
    if (next != date->seats_total + 1)
        violate(ctx, prefix, "tiers", "must end at seat %" PRId64, date->seats_total);
}

static void check_moment(struct ctx *ctx, const char *prefix, const char *member, int64_t unix_ms)
{
    if (unix_ms < 0 || unix_ms > CATALOG_UNIX_MS_MAX)
        violate(ctx, prefix, member, "must be 1970 to 9999, in milliseconds");
}

void catalog_check_date(struct ctx *ctx, const char *prefix, const struct catalog_date *date)
{
    if (!clock_date_is_valid(date->date)) {
        violate(ctx, prefix, "date", "must be a date, YYYY-MM-DD");
    } else if (date->starts_at_unix_ms >= 0 && date->starts_at_unix_ms <= CATALOG_UNIX_MS_MAX) {
        char day[CLOCK_DATE_SIZE];
        clock_format_date(date->starts_at_unix_ms, day);
        if (strcmp(day, date->date) != 0)
            violate(ctx, prefix, "starts_at_unix_ms", "must be on that day (UTC)");
    }
    check_moment(ctx, prefix, "starts_at_unix_ms", date->starts_at_unix_ms);
    check_moment(ctx, prefix, "sale_opens_at_unix_ms", date->sale_opens_at_unix_ms);
    check_moment(ctx, prefix, "sale_closes_at_unix_ms", date->sale_closes_at_unix_ms);
    if (date->seats_total < 1 || date->seats_total > CATALOG_SEATS_MAX)
        violate(ctx, prefix, "seats_total", "must be 1 to %d", CATALOG_SEATS_MAX);
    if (date->sale_opens_at_unix_ms >= date->sale_closes_at_unix_ms)
        violate(ctx, prefix, "sale_closes_at_unix_ms", "must be after the sale opens");
    check_tiers(ctx, prefix, date);
}

void catalog_check_distinct(struct ctx *ctx, const struct catalog_date dates[], size_t count)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(dates[i].date, dates[j].date) != 0)
                continue;
            char prefix[32];
            snprintf(prefix, sizeof prefix, "/dates/%zu", i);
            violate(ctx, prefix, "date", "is that of /dates/%zu", j);
            break;
        }
    }
}

bool catalog_concerts_equal(const struct catalog_concert *a, const struct catalog_concert *b)
{
    return strcmp(a->concert_id.text, b->concert_id.text) == 0 && strcmp(a->title, b->title) == 0 &&
           strcmp(a->artist, b->artist) == 0 && strcmp(a->venue, b->venue) == 0 &&
           strcmp(a->queue, b->queue) == 0;
}

bool catalog_dates_equal(const struct catalog_date *a, const struct catalog_date *b)
{
    bool same =
        strcmp(a->date, b->date) == 0 && a->starts_at_unix_ms == b->starts_at_unix_ms &&
        a->seats_total == b->seats_total && a->sale_opens_at_unix_ms == b->sale_opens_at_unix_ms &&
        a->sale_closes_at_unix_ms == b->sale_closes_at_unix_ms && a->tier_count == b->tier_count;
    for (size_t i = 0; same && i < a->tier_count; i++)
        same = a->tiers[i].first_seat_no == b->tiers[i].first_seat_no &&
               a->tiers[i].last_seat_no == b->tiers[i].last_seat_no &&
               a->tiers[i].price_won == b->tiers[i].price_won;
    return same;
}

int64_t catalog_price_won(const struct catalog_date *date, int64_t seat_no)
{
    size_t i = 0;
    while (i + 1 < date->tier_count && seat_no > date->tiers[i].last_seat_no)
        i++;
    return date->tiers[i].price_won;
}

bool catalog_bit(struct catalog_bits bits, int64_t seat_no)
{
    const size_t index = (size_t)(seat_no - 1) / 8;
    return index < bits.size && (bits.bytes[index] >> ((seat_no - 1) % 8) & 1) != 0;
}

int64_t catalog_free_seats(int64_t seats_total, struct catalog_bits held, struct catalog_bits sold)
{
    int64_t count = 0;
    for (int64_t seat_no = 1; seat_no <= seats_total; seat_no++)
        count += !catalog_bit(held, seat_no) && !catalog_bit(sold, seat_no);
    return count;
}
