/* A season: concerts and their dates, as an operator writes them down in JSON. Read as a whole, so
 * that everything that is not as it should be is told at once, by JSON pointers (RFC 6901); what
 * the members may say is judged by the concert service. */
#ifndef ADMIN_SEASON_H
#define ADMIN_SEASON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"

enum {
    SEASON_BYTES_MAX = 16 * 1024 * 1024,
    SEASON_CONCERTS_MAX = 1000,
    SEASON_DATES_MAX = 4000, /* of a concert */
    SEASON_TIERS_MAX = 32,
};

struct json_t;

struct season_tier {
    int32_t first_seat_no, last_seat_no;
    int64_t price_won;
};

struct season_date {
    const char *date;
    int64_t starts_at_unix_ms;
    int32_t seats_total; /* 0: the default */
    int64_t sale_opens_at_unix_ms, sale_closes_at_unix_ms;
    struct season_tier tiers[SEASON_TIERS_MAX];
    size_t tier_count;
    bool is_readable; /* no fault was found in its shape */
};

struct season_concert {
    const char *concert_id, *title, *artist, *venue, *queue; /* "" for what was left out */
    struct season_date *dates;
    size_t date_count;
    bool is_readable; /* itself; its dates say so for themselves */
};

struct season {
    struct json_t *root; /* owns the texts */
    struct season_concert *concerts;
    size_t concert_count;
};

/* Where faults are told, a line each: "  /concerts/0/title must be a text". */
struct season_faults {
    FILE *out;
    size_t count;
};
void season_fault(struct season_faults *faults, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Reads {"concerts": [{concert_id, title, artist?, venue?, queue?, dates?: [{date, starts_at,
 * seats_total?, sale_opens_at, sale_closes_at?, tiers: [{first_seat_no, last_seat_no, price}]}]}]}.
 * False when it is no season at all, or memory is short; faults were told then. Takes the reference
 * to root (NULL is no season). */
bool season_read(struct json_t *root, struct season_faults *faults, struct season *ret_season);
/* From a file, "-" for standard input. */
bool season_read_file(const char *path, struct season_faults *faults, struct season *ret_season);
void season_done(struct season *season);

/* A fault as the concert service tells it ("/dates/0/starts_at_unix_ms"), as the operator wrote it:
 * that of date `date` of concert `concert`. */
void season_map_pointer(const char *told, size_t concert, size_t date, char *ret_pointer,
                        size_t size);

#endif
