#include "token/base64url.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_encode(const uint8_t *bytes, size_t size, char *text)
{
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | bytes[i];
        for (have += 8; have >= 6; have -= 6)
            *text++ = digits[bits >> (have - 6) & 63];
    }
    if (have > 0)
        *text++ = digits[bits << (6 - have) & 63];
    *text = '\0';
}

bool base64url_decode(const char *text, size_t length, uint8_t *bytes, size_t *ret_size)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t size = 0;
    for (size_t i = 0; i < length; i++) {
        const char *digit = memchr(digits, text[i], sizeof digits - 1);
        if (digit == NULL)
            return false;
        bits = bits << 6 | (uint32_t)(digit - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            bytes[size++] = (uint8_t)(bits >> have);
        }
    }
    *ret_size = size;
    return have < 6 && (bits & ((1U << have) - 1)) == 0;
}
