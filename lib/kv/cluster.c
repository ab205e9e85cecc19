#include "kv/cluster.h"

#include <string.h>

#include "base/checked.h"

/* CRC-16/XMODEM: polynomial 0x1021, no reflection, starts at 0. */
static uint16_t crc16(const char *text, size_t size)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < size; i++) {
        crc = (uint16_t)(crc ^ (uint16_t)((unsigned char)text[i] << 8));
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
    return crc;
}

uint16_t kv_slot(const char *key)
{
    const char *open = strchr(key, '{');
    const char *close = open ? strchr(open, '}') : NULL;
    if (close && close > open + 1)
        return crc16(open + 1, (size_t)(close - open - 1)) % KV_SLOTS;
    return crc16(key, strlen(key)) % KV_SLOTS;
}

/* "host:port"; the last colon counts, as an IPv6 address has others. */
static bool parse_address(const char *text, struct kv_address *ret_address)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || (size_t)(colon - text) > KV_URL_PART_MAX || !base_parse_int64(colon + 1, &port) ||
        port < 1 || port > 65535)
        return false;
    *ret_address = (struct kv_address){.port = (int)port};
    memcpy(ret_address->host, text, (size_t)(colon - text));
    return true;
}

struct kv_redirect kv_redirect_parse(const char *text)
{
    struct kv_redirect redirect = {.kind = KV_STAY};
    char slot_text[8] = "";
    bool is_moved = strncmp(text, "MOVED ", 6) == 0;
    if (!is_moved && strncmp(text, "ASK ", 4) != 0)
        return redirect;

    const char *from = strchr(text, ' ') + 1;
    const char *space = strchr(from, ' ');
    int64_t slot;
    if (!space || (size_t)(space - from) >= sizeof slot_text)
        return redirect;
    memcpy(slot_text, from, (size_t)(space - from));
    if (!base_parse_int64(slot_text, &slot) || slot < 0 || slot >= KV_SLOTS ||
        !parse_address(space + 1, &redirect.address))
        return redirect;
    redirect.slot = (uint16_t)slot;
    redirect.kind = is_moved ? KV_MOVED : KV_ASK;
    return redirect;
}

static bool is_integer(const struct kv_reply *reply, int64_t min, int64_t max)
{
    return reply->kind == KV_INTEGER && reply->integer >= min && reply->integer <= max;
}

bool kv_slots_read(const struct kv_reply *entry, struct kv_slots *ret_slots)
{
    if (entry->kind != KV_ARRAY || entry->item_count < 3)
        return false;
    const struct kv_reply *items = entry->items;
    if (!is_integer(&items[0], 0, KV_SLOTS - 1) ||
        !is_integer(&items[1], items[0].integer, KV_SLOTS - 1) || items[2].kind != KV_ARRAY ||
        items[2].item_count < 2 || !is_integer(&items[2].items[1], 1, 65535))
        return false;
    struct kv_slots slots = {
        .first = (uint16_t)items[0].integer,
        .last = (uint16_t)items[1].integer,
        .master.port = (int)items[2].items[1].integer,
    };
    /* No host (nil or ""): the one that was asked. */
    if (items[2].items[0].kind == KV_TEXT)
        base_copy_text(slots.master.host, sizeof slots.master.host, items[2].items[0].text);
    *ret_slots = slots;
    return true;
}
