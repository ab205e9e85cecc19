/* Signed queue tokens: JWT (RFC 7519) with HS256. The only user of libjwt. A token says who holds
 * it and where in line; whether it is that user's turn is the queue's answer alone. */
#ifndef TOKEN_TOKEN_H
#define TOKEN_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "base/uuid.h"

enum {
    TOKEN_TEXT_MAX = 1024, /* bytes of an encoded token; longer ones are not looked at */
    TOKEN_QUEUE_MAX = 64,  /* bytes of a queue's name */
    TOKEN_SECRET_MIN = 32, /* bytes of the secret (RFC 7518, 3.2) */
};

struct token_claims {
    struct uuid user_id;             /* "sub" */
    struct uuid token_id;            /* "jti" */
    char queue[TOKEN_QUEUE_MAX + 1]; /* "queue": 1..64 of a-z 0-9 - _ */
    int64_t sequence;                /* "seq", 1 or more */
    int64_t issued_at_unix_ms;       /* "iat" in seconds is derived; kept whole as "iat_ms" */
};

struct token_key; /* a parsed secret, shared by threads */
/* ST_INVALID_REQUEST when the secret is shorter than TOKEN_SECRET_MIN. Copies it. */
enum status token_key_new(const char *secret, struct token_key **ret_key) MUST_CHECK;
void token_key_free(struct token_key **key);

/* The encoded token in ctx->arena. */
enum status token_sign(struct ctx *ctx, const struct token_key *key,
                       const struct token_claims *claims, const char **ret_token) MUST_CHECK;
/* ST_TOKEN_INVALID for anything but a well-formed token, HS256, signed by this key, with all claims
 * in range. */
enum status token_verify(struct ctx *ctx, const struct token_key *key, const char *token,
                         struct token_claims *ret_claims) MUST_CHECK;
/* Whether text is 1..TOKEN_QUEUE_MAX of a-z 0-9 - _ */
bool token_queue_is_valid(const char *queue);

#endif
