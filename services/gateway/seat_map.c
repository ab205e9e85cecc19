#include "seat_map.h"

#include <assert.h>
#include <string.h>

bool seat_map_load(struct seat_map *map, const uint8_t *held, size_t held_size, const uint8_t *sold,
                   size_t sold_size, int64_t version)
{
    if (held_size > SEAT_MAP_SIZE || sold_size > SEAT_MAP_SIZE)
        return false;
    *map = (struct seat_map){.version = version};
    if (held_size > 0)
        memcpy(map->held, held, held_size);
    if (sold_size > 0)
        memcpy(map->sold, sold, sold_size);
    return true;
}

static void set_bit(uint8_t *bitmap, size_t index, bool on)
{
    const unsigned bit = 1U << (index % 8);
    const unsigned byte = bitmap[index / 8];
    bitmap[index / 8] = (uint8_t)(on ? byte | bit : byte & ~bit);
}

static bool has_bit(const uint8_t *bitmap, size_t index)
{
    return (bitmap[index / 8] >> (index % 8) & 1) != 0;
}

bool seat_map_set(struct seat_map *map, int64_t seat_no, enum seat_state state)
{
    if (seat_no < 1 || seat_no > SEAT_MAP_SEATS_MAX)
        return false;
    set_bit(map->held, (size_t)seat_no - 1, state == SEAT_HELD);
    set_bit(map->sold, (size_t)seat_no - 1, state == SEAT_SOLD);
    return true;
}

enum seat_state seat_map_state(const struct seat_map *map, size_t seat_no)
{
    assert(seat_no >= 1 && seat_no <= SEAT_MAP_SEATS_MAX);
    if (has_bit(map->sold, seat_no - 1))
        return SEAT_SOLD;
    return has_bit(map->held, seat_no - 1) ? SEAT_HELD : SEAT_AVAILABLE;
}
