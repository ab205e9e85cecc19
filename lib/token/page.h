/* Page tokens: where a list goes on, signed, so that nobody builds one and none is used for another
 * list than its own. Opaque to whoever carries it. The place is a key of the list's order and not a
 * number of rows, so what is added meanwhile moves nobody's place. */
#ifndef TOKEN_PAGE_H
#define TOKEN_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"

enum {
    PAGE_KEY_SIZE = 32,
    PAGE_PLACE_MAX = 64,  /* bytes of a place */
    PAGE_TOKEN_MAX = 108, /* characters of a token */
};

struct page_key {
    uint8_t bytes[PAGE_KEY_SIZE];
};

/* The token in ctx->arena: base64url of the place and 16 bytes of HMAC-SHA256 over `list` and
 * place. `list` names the list and whose it is, e.g. "reservations/<user>". */
enum status page_token_make(struct ctx *ctx, const struct page_key *key, const char *list,
                            const char *place, const char **ret_token) MUST_CHECK;
/* False for anything but a token of this key and list. */
bool page_token_read(const struct page_key *key, const char *list, const char *token,
                     char ret_place[static PAGE_PLACE_MAX + 1]) MUST_CHECK;

#endif
