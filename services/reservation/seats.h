/* A date's seats as readers see them: free, held or sold, as two bitmaps, and what changed between
 * two versions of them. Pure. Bit (n - 1) is seat n, least significant bit first. */
#ifndef RESERVATION_SEATS_H
#define RESERVATION_SEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "claim.h"

enum { SEATS_BITMAP_SIZE = (CLAIM_SEATS_MAX + 7) / 8 };

struct seat_map {
    int64_t version;
    uint8_t held[SEATS_BITMAP_SIZE], sold[SEATS_BITMAP_SIZE];
};

enum seat_state { SEAT_FREE, SEAT_HELD, SEAT_SOLD };

/* Lists like "1,17,23"; false, and nothing changed, for text that is none. */
bool seat_map_load(struct seat_map *map, const char *held, const char *sold, int64_t version);

/* Seats that are in a state now, as lists, since an earlier version. */
struct seat_news {
    const char *freed, *held, *sold;
    int64_t version;
};
/* Makes the map what it is at news->version; *ret_changed has a bit for each seat whose state is
 * another than before, *ret_count is how many. News that come twice change nothing. False, and
 * nothing changed, for text that is no list. */
bool seat_map_apply(struct seat_map *map, const struct seat_news *news,
                    uint8_t ret_changed[static SEATS_BITMAP_SIZE], size_t *ret_count);

enum seat_state seat_map_state(const struct seat_map *map, size_t seat_no);
bool seat_map_has(const uint8_t *bitmap, size_t seat_no);
/* Bytes of both bitmaps before the zero bytes at their end. */
size_t seat_map_size(const struct seat_map *map);

#endif
