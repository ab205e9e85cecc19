#include "demo.h"

#include <assert.h>

#include "base/macros.h"

static const int64_t ms_of_day = INT64_C(24) * 60 * 60 * 1000;

enum {
    START_MINUTE = 10 * 60 + 30, /* of the UTC day: half past seven in the evening in Seoul */
    SALE_DAYS = 90,
};

const struct demo_concert demo_concerts[] = {
    {"0190b0f0-0000-7000-8000-000000000001",
     "Winter Light",
     "Hanbit Orchestra",
     "Seoul Arts Hall",
     {150000, 110000, 80000}},
    {"0190b0f0-0000-7000-8000-000000000002",
     "Neon Parade",
     "The Paper Moons",
     "Olympic Stadium",
     {132000, 99000, 66000}},
    {"0190b0f0-0000-7000-8000-000000000003",
     "Quiet Machines",
     "Ada and the Engines",
     "Blue Room",
     {77000, 55000, 44000}},
};
const size_t demo_concert_count = ARRAY_LEN(demo_concerts);

const struct demo_tier demo_tiers[DEMO_TIERS] = {{1, 10}, {11, 30}, {31, DEMO_SEATS}};

struct demo_date demo_date(int64_t now_unix_ms, int days)
{
    assert(days >= 1 && days <= DEMO_DATES);

    struct demo_date date = {0};
    clock_format_date(now_unix_ms + days * ms_of_day, date.date);
    int64_t midnight_ms = clock_date_to_wall_ms(date.date);
    date.starts_at_unix_ms = midnight_ms + START_MINUTE * INT64_C(60000);
    date.sale_opens_at_unix_ms = midnight_ms - SALE_DAYS * ms_of_day;
    date.sale_closes_at_unix_ms = date.starts_at_unix_ms;
    return date;
}
