/* Which seats of a date are held and sold, as a gateway knows them from the reservation service's
 * stream. Pure. Bit (n - 1) is seat n, least significant bit first. */
#ifndef GATEWAY_SEAT_MAP_H
#define GATEWAY_SEAT_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEAT_MAP_SEATS_MAX = 5000, SEAT_MAP_SIZE = (SEAT_MAP_SEATS_MAX + 7) / 8 };

enum seat_state { SEAT_AVAILABLE, SEAT_HELD, SEAT_SOLD };

struct seat_map {
    int64_t version;
    uint8_t held[SEAT_MAP_SIZE], sold[SEAT_MAP_SIZE];
};

/* A whole map; bitmaps may be shorter than the date has seats. False, and nothing changed, when one
 * is longer than any date's. */
bool seat_map_load(struct seat_map *map, const uint8_t *held, size_t held_size, const uint8_t *sold,
                   size_t sold_size, int64_t version);
/* False, and nothing changed, for a seat that no date has. */
bool seat_map_set(struct seat_map *map, int64_t seat_no, enum seat_state state);
/* seat_no is 1..SEAT_MAP_SEATS_MAX. */
enum seat_state seat_map_state(const struct seat_map *map, size_t seat_no);

#endif
