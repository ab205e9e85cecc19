/* Reading numbers and text strictly. */
#ifndef BASE_CHECKED_H
#define BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whole text as a decimal int64 (optional '-', no spaces, no '+'); false and unchanged otherwise.
 */
bool base_parse_int64(const char *text, int64_t *ret_value);
/* Whether the bytes are UTF-8 without NUL, surrogates, overlong forms (RFC 3629). */
bool base_is_utf8(const char *bytes, size_t size);
/* Whether text is 1..max_length visible ASCII characters ('!' to '~'). */
bool base_is_visible_ascii(const char *text, size_t max_length);
/* Copies with truncation to size - 1 bytes and a NUL, never in the middle of a UTF-8 character. */
void base_copy_text(char *to, size_t size, const char *from);

#endif
