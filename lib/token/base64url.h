/* base64url without padding (RFC 4648, 5). */
#ifndef TOKEN_BASE64URL_H
#define TOKEN_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `text` has room for (size * 4 + 2) / 3 digits and the NUL. */
void base64url_encode(const uint8_t *bytes, size_t size, char *text);
/* `bytes` has room for length * 3 / 4. False for other characters, and for unused bits that are not
 * 0: what was encoded has one text only. */
bool base64url_decode(const char *text, size_t length, uint8_t *bytes, size_t *ret_size);

#endif
