#include "base/uuid.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

void base_random(uint8_t *bytes, size_t size)
{
    /* Up to 256 bytes getrandom neither fails nor is cut short once the kernel's pool is seeded. */
    enum { STOCK = 256 };
    static _Thread_local uint8_t stock[STOCK];
    static _Thread_local size_t left;
    assert(size <= STOCK);
    if (left < size) {
        if (getrandom(stock, sizeof stock, 0) != (ssize_t)sizeof stock)
            abort();
        left = sizeof stock;
    }
    left -= size;
    memcpy(bytes, stock + left, size);
    memset(stock + left, 0, size); /* what was handed out stays in one place */
}

static void format(const uint8_t bytes[16], struct uuid *ret_uuid)
{
    static const char digits[] = "0123456789abcdef";
    char *to = ret_uuid->text;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    *to = '\0';
}

static void mark_version(uint8_t bytes[16], uint8_t version)
{
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | (version << 4));
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
}

void uuid_v4(struct uuid *ret_uuid)
{
    uint8_t bytes[16];
    base_random(bytes, sizeof bytes);
    mark_version(bytes, 4);
    format(bytes, ret_uuid);
}

/* The 60 bits after the version: 48 of milliseconds and 12 of counter (RFC 9562, 6.2, method 1),
 * never going back within the process. */
static uint64_t next_tick(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static uint64_t last;

    const uint64_t now = (uint64_t)clock_wall_ms() << 12;
    pthread_mutex_lock(&lock);
    last = now > last ? now : last + 1;
    const uint64_t tick = last;
    pthread_mutex_unlock(&lock);
    return tick;
}

void uuid_v7(struct uuid *ret_uuid)
{
    uint8_t bytes[16];
    base_random(bytes + 8, 8);
    const uint64_t tick = next_tick();
    for (size_t i = 0; i < 6; i++)
        bytes[i] = (uint8_t)(tick >> (52 - 8 * i));
    bytes[6] = (uint8_t)((tick >> 8) & 0x0f);
    bytes[7] = (uint8_t)tick;
    mark_version(bytes, 7);
    format(bytes, ret_uuid);
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool uuid_is_valid(const char *text)
{
    for (size_t i = 0; i < UUID_TEXT_SIZE - 1; i++) {
        const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? text[i] != '-' : !is_hex(text[i]))
            return false; /* also at an early NUL */
    }
    return text[UUID_TEXT_SIZE - 1] == '\0';
}

bool uuid_parse(const char *text, struct uuid *ret_uuid)
{
    struct uuid lower;
    if (strnlen(text, UUID_TEXT_SIZE) != UUID_TEXT_SIZE - 1)
        return false;
    for (size_t i = 0; i < UUID_TEXT_SIZE; i++)
        lower.text[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] + ('a' - 'A') : text[i]);
    if (!uuid_is_valid(lower.text))
        return false;
    *ret_uuid = lower;
    return true;
}

uint64_t base_hash64(const char *text)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a, 64 bit: offset basis and prime */
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 1099511628211U;
    /* The finaliser of MurmurHash3, as FNV's low bits alone spread badly over few lanes. */
    hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdU;
    hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53U;
    return hash ^ (hash >> 33);
}
