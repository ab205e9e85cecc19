#include "seats.h"

#include <string.h>

bool seat_map_load(struct seat_map *map, const char *held, const char *sold, int64_t version)
{
    struct seat_map next = {.version = version};
    if (!claim_mark_seats(held, next.held, CLAIM_SEATS_MAX) ||
        !claim_mark_seats(sold, next.sold, CLAIM_SEATS_MAX))
        return false;
    *map = next;
    return true;
}

bool seat_map_apply(struct seat_map *map, const struct seat_news *news,
                    uint8_t ret_changed[static SEATS_BITMAP_SIZE], size_t *ret_count)
{
    uint8_t freed[SEATS_BITMAP_SIZE] = {0};
    struct seat_map now = {0};
    if (!claim_mark_seats(news->freed, freed, CLAIM_SEATS_MAX) ||
        !seat_map_load(&now, news->held, news->sold, news->version))
        return false;
    size_t count = 0;
    for (size_t i = 0; i < SEATS_BITMAP_SIZE; i++) {
        const unsigned told = freed[i] | now.held[i] | now.sold[i];
        const unsigned held = (map->held[i] & ~told) | now.held[i];
        const unsigned sold = (map->sold[i] & ~told) | now.sold[i];
        const unsigned changed = (map->held[i] ^ held) | (map->sold[i] ^ sold);
        map->held[i] = (uint8_t)held;
        map->sold[i] = (uint8_t)sold;
        ret_changed[i] = (uint8_t)changed;
        count += (size_t)__builtin_popcount(changed);
    }
    map->version = news->version;
    *ret_count = count;
    return true;
}

bool seat_map_has(const uint8_t *bitmap, size_t seat_no)
{
    return (bitmap[(seat_no - 1) / 8] >> ((seat_no - 1) % 8) & 1) != 0;
}

enum seat_state seat_map_state(const struct seat_map *map, size_t seat_no)
{
    if (seat_map_has(map->sold, seat_no))
        return SEAT_SOLD;
    return seat_map_has(map->held, seat_no) ? SEAT_HELD : SEAT_FREE;
}

size_t seat_map_size(const struct seat_map *map)
{
    size_t size = SEATS_BITMAP_SIZE;
    while (size > 0 && (map->held[size - 1] | map->sold[size - 1]) == 0)
        size--;
    return size;
}
