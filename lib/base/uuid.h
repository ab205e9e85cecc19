/* UUIDs as lower-case text with hyphens (RFC 9562). */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UUID_TEXT_SIZE 37 /* 36 characters and the NUL */

struct uuid {
    char text[UUID_TEXT_SIZE];
};

/* Random (version 4). */
void uuid_v4(struct uuid *ret_uuid);
/* Time-ordered (version 7): milliseconds of wall time, then random; ids made by one process are
 * strictly increasing. Good for primary keys. */
void uuid_v7(struct uuid *ret_uuid);

/* Whether text is exactly 36 characters of 8-4-4-4-12 hexadecimal digits, lower case, any version.
 */
bool uuid_is_valid(const char *text);
/* Accepts upper case too and normalises to lower case; false and unchanged when it is no UUID. */
bool uuid_parse(const char *text, struct uuid *ret_uuid);
/* A well-spread 64-bit key of a text such as a UUID (FNV-1a with a finaliser); the same in every
 * process and version, so that it may choose lanes and lock keys. */
uint64_t base_hash64(const char *text);

/* Up to 256 unpredictable bytes of the kernel's generator, which a thread asks for a stock at a
 * time: a system call each would cost more than what ids are for. Not across fork(). */
void base_random(uint8_t *bytes, size_t size);

#endif
