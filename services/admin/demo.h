/* The demo catalog, always the same for a day: pure. */
#ifndef ADMIN_DEMO_H
#define ADMIN_DEMO_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

enum {
    DEMO_DATES = 30,
    DEMO_SEATS = 50,
    DEMO_TIERS = 3,
};

struct demo_concert {
    const char *concert_id;
    const char *title;
    const char *artist;
    const char *venue;
    int64_t prices_won[DEMO_TIERS]; /* front, middle, back */
};
extern const struct demo_concert demo_concerts[];
extern const size_t demo_concert_count;

/* The first and last seat of each tier; together they cover 1..DEMO_SEATS. */
struct demo_tier {
    int32_t first_seat_no;
    int32_t last_seat_no;
};
extern const struct demo_tier demo_tiers[DEMO_TIERS];

struct demo_date {
    char date[CLOCK_DATE_SIZE];
    int64_t starts_at_unix_ms;
    int64_t sale_opens_at_unix_ms;
    int64_t sale_closes_at_unix_ms;
};
/* The date `days` (1 to DEMO_DATES) after the UTC day of now. It depends on that day alone, so that
 * another run, or one on another day that meets the same date, says the same. */
struct demo_date demo_date(int64_t now_unix_ms, int days);

#endif
