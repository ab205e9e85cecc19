#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t number_of(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text == NULL ? fallback : strtoull(text, NULL, 10);
}

void fuzz_init(struct fuzz *fuzz)
{
    fuzz->state = number_of("FUZZ_SEED", 1);
    printf("FUZZ_SEED=%llu\n", (unsigned long long)fuzz->state);
}

size_t fuzz_rounds(size_t fallback)
{
    return (size_t)number_of("FUZZ_ROUNDS", fallback);
}

/* SplitMix64 (https://prng.di.unimi.it/splitmix64.c). */
uint64_t fuzz_bits(struct fuzz *fuzz)
{
    uint64_t bits = fuzz->state += 0x9e3779b97f4a7c15u;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
    return bits ^ (bits >> 31);
}

size_t fuzz_below(struct fuzz *fuzz, size_t below)
{
    return (size_t)(fuzz_bits(fuzz) % below);
}

void fuzz_bytes(struct fuzz *fuzz, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)fuzz_bits(fuzz);
}

/* Bytes at which readers of text and of protocols turn. */
static uint8_t telling_byte(struct fuzz *fuzz)
{
    static const uint8_t bytes[] = {0x00, 0x01, 0x7f, 0x80, 0xbf, 0xc0, 0xed, 0xf4, 0xff, '"',
                                    '\\', '{',  '[',  ':',  ',',  '-',  '0',  '9',  '.',  '%',
                                    '/',  '@',  ' ',  '\r', '\n', 'Z',  'e',  '+'};
    return bytes[fuzz_below(fuzz, sizeof bytes)];
}

static size_t take_out(struct fuzz *fuzz, uint8_t *bytes, size_t size)
{
    const size_t at = fuzz_below(fuzz, size);
    const size_t most = size - at < 16 ? size - at : 16;
    const size_t count = 1 + fuzz_below(fuzz, most);
    memmove(bytes + at, bytes + at + count, size - at - count);
    return size - count;
}

/* A piece of its own, doubled, or new bytes. */
static size_t put_in(struct fuzz *fuzz, uint8_t *bytes, size_t size, size_t capacity)
{
    uint8_t piece[16];
    const size_t room = capacity - size < sizeof piece ? capacity - size : sizeof piece;
    if (room == 0)
        return size;
    size_t count = 1 + fuzz_below(fuzz, room);
    fuzz_bytes(fuzz, piece, count);
    if (size > 0 && fuzz_below(fuzz, 2) == 0) {
        const size_t from = fuzz_below(fuzz, size);
        count = size - from < count ? size - from : count;
        memcpy(piece, bytes + from, count);
    } else if (fuzz_below(fuzz, 2) == 0) {
        memset(piece, telling_byte(fuzz), count);
    }
    const size_t at = fuzz_below(fuzz, size + 1);
    memmove(bytes + at + count, bytes + at, size - at);
    memcpy(bytes + at, piece, count);
    return size + count;
}

static size_t mutate_once(struct fuzz *fuzz, uint8_t *bytes, size_t size, size_t capacity)
{
    if (size == 0)
        return put_in(fuzz, bytes, size, capacity);
    switch (fuzz_below(fuzz, 6)) {
    case 0:
        bytes[fuzz_below(fuzz, size)] ^= (uint8_t)(1u << fuzz_below(fuzz, 8));
        return size;
    case 1:
        bytes[fuzz_below(fuzz, size)] = telling_byte(fuzz);
        return size;
    case 2:
        bytes[fuzz_below(fuzz, size)] = (uint8_t)fuzz_bits(fuzz);
        return size;
    case 3:
        return take_out(fuzz, bytes, size);
    case 4:
        return fuzz_below(fuzz, 8) == 0 ? fuzz_below(fuzz, size) : size;
    default:
        return put_in(fuzz, bytes, size, capacity);
    }
}

size_t fuzz_mutate(struct fuzz *fuzz, uint8_t *bytes, size_t size, size_t capacity)
{
    for (size_t times = 1 + fuzz_below(fuzz, 4); times > 0; times--)
        size = mutate_once(fuzz, bytes, size, capacity);
    return size;
}

void fuzz_mutate_text(struct fuzz *fuzz, char *text, size_t capacity)
{
    const size_t size = fuzz_mutate(fuzz, (uint8_t *)text, strlen(text), capacity - 1);
    for (size_t i = 0; i < size; i++)
        text[i] = text[i] == '\0' ? ' ' : text[i];
    text[size] = '\0';
}
