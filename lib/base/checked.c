#include "base/checked.h"

#include <string.h>

bool base_parse_int64(const char *text, int64_t *ret_value)
{
    const bool negative = *text == '-';
    if (negative)
        text++;
    if (*text == '\0')
        return false;

    int64_t value = 0;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        const int digit = *text - '0';
        /* Built up on the negative side, which is one larger. */
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, value, &value))
        return false;
    *ret_value = value;
    return true;
}

/* Bytes of the UTF-8 character at `at` (RFC 3629, section 4), 0 when there is none. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    if (at[0] >= 0x01 && at[0] <= 0x7f)
        return 1;
    size_t length;
    unsigned char low = 0x80, high = 0xbf; /* of the second byte */
    if (at[0] >= 0xc2 && at[0] <= 0xdf) {
        length = 2;
    } else if (at[0] >= 0xe0 && at[0] <= 0xef) {
        length = 3;
        low = at[0] == 0xe0 ? 0xa0 : low;   /* overlong */
        high = at[0] == 0xed ? 0x9f : high; /* surrogates */
    } else if (at[0] >= 0xf0 && at[0] <= 0xf4) {
        length = 4;
        low = at[0] == 0xf0 ? 0x90 : low;   /* overlong */
        high = at[0] == 0xf4 ? 0x8f : high; /* above U+10FFFF */
    } else {
        return 0;
    }
    if (length > left || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
    }
    return length;
}

bool base_is_utf8(const char *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes;
    while (size > 0) {
        const size_t length = utf8_length(at, size);
        if (length == 0)
            return false;
        at += length;
        size -= length;
    }
    return true;
}

bool base_is_visible_ascii(const char *text, size_t max_length)
{
    size_t length = 0;
    for (; text[length] != '\0'; length++) {
        if (length == max_length || text[length] < '!' || text[length] > '~')
            return false;
    }
    return length > 0;
}

void base_copy_text(char *to, size_t size, const char *from)
{
    size_t length = strnlen(from, size);
    if (length == size) {
        length = size - 1;
        while (length > 0 && ((unsigned char)from[length] & 0xc0) == 0x80)
            length--;
    }
    memcpy(to, from, length);
    to[length] = '\0';
}
