/* Concerts and their dates: what may stand in the catalog, what a seat costs, what is free. Pure
 * rules. */
#ifndef CONCERT_CATALOG_H
#define CONCERT_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/ctx.h"
#include "base/uuid.h"

enum {
    CATALOG_TITLE_MAX =
        200, /* characters are counted as bytes here, more strictly than the table */
    CATALOG_QUEUE_MAX = 64,
    CATALOG_SEATS_DEFAULT = 50,
    CATALOG_SEATS_MAX = 5000,
    CATALOG_TIERS_MAX = 32,
    CATALOG_DATES_MAX = 400,          /* asked or listed at once */
    CATALOG_THROUGH_MAX = 31,         /* dates in one ListSeats, the asked one included */
    CATALOG_SEATS_ANSWER_MAX = 10000, /* seats in one ListSeats: some 200 KiB */
    CATALOG_PAGE_DEFAULT = 20,
    CATALOG_PAGE_MAX = 100,
    CATALOG_CREATE_DATES_MAX = 400,
};
#define CATALOG_PRICE_WON_MAX INT64_C(1000000000)
/* Moments are 1970 to the end of 9999, as dates are. */
#define CATALOG_UNIX_MS_MAX INT64_C(253402300799999)
#define CATALOG_CURRENCY    "KRW"

struct catalog_concert {
    struct uuid concert_id;
    char title[CATALOG_TITLE_MAX + 1];
    char artist[CATALOG_TITLE_MAX + 1];
    char venue[CATALOG_TITLE_MAX + 1];
    char queue[CATALOG_QUEUE_MAX + 1];
};

struct catalog_tier {
    int64_t first_seat_no, last_seat_no, price_won;
};

struct catalog_date {
    char date[CLOCK_DATE_SIZE];
    int64_t starts_at_unix_ms;
    int64_t seats_total;
    int64_t sale_opens_at_unix_ms, sale_closes_at_unix_ms;
    struct catalog_tier tiers[CATALOG_TIERS_MAX];
    size_t tier_count;
};

/* Adds a violation to ctx for everything that is wrong, so that whoever made it can mend it in one
 * go; pointers start with `prefix`, e.g. "/dates/3". */
void catalog_check_concert(struct ctx *ctx, const struct catalog_concert *concert);
void catalog_check_date(struct ctx *ctx, const char *prefix, const struct catalog_date *date);
/* No two of them are of one day. */
void catalog_check_distinct(struct ctx *ctx, const struct catalog_date dates[], size_t count);

bool catalog_concerts_equal(const struct catalog_concert *a, const struct catalog_concert *b);
bool catalog_dates_equal(const struct catalog_date *a, const struct catalog_date *b);

/* The seat is 1..seats_total of a checked date. */
int64_t catalog_price_won(const struct catalog_date *date, int64_t seat_no);

/* Bit (n - 1) is seat n, least significant first; bits beyond the bytes are 0. */
struct catalog_bits {
    const uint8_t *bytes;
    size_t size;
};
bool catalog_bit(struct catalog_bits bits, int64_t seat_no);
/* Seats that are neither held nor sold, 0..seats_total. */
int64_t catalog_free_seats(int64_t seats_total, struct catalog_bits held, struct catalog_bits sold);

#endif
