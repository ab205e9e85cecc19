/* Who a user is, as somebody else has signed it: JSON Web Tokens (RFC 7519, JWS compact) of an
 * identity provider, by a shared secret (HS256) or a file of public keys (RS256, ES256). Only their
 * `sub` is taken; it must be a UUID. */
#ifndef TOKEN_IDENTITY_H
#define TOKEN_IDENTITY_H

#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "base/uuid.h"

enum {
    IDENTITY_TEXT_MAX = 8 * 1024, /* bytes of a token; longer ones are not looked at */
    IDENTITY_LEEWAY_S = 30,       /* by which clocks may differ */
    IDENTITY_LOOK_S = 1, /* an unknown key makes the file be looked at, this often at most */
};

struct identity;
struct identity_options {
    const char *secret;    /* NULL or "": none; exactly one of these two is given */
    const char *jwks_file; /* read again when it has changed and a key is asked for that is new */
    const char *issuer;    /* "": any `iss` will do */
    const char *audience;  /* "": any `aud` will do */
};

/* ST_INVALID_REQUEST with a sentence in ret_why. Copies what it needs. */
enum status identity_new(const struct identity_options *options, char ret_why[static 256],
                         struct identity **ret_identity) MUST_CHECK;
void identity_free(struct identity **identity);

/* At the moment now_s of Unix time. ST_IDENTITY_INVALID for anything but a whole token, signed by a
 * known key with that key's own algorithm, begun (`nbf`), not over (`exp`, which it must have), of
 * the issuer and for the audience. */
enum status identity_verify(struct ctx *ctx, struct identity *identity, const char *token,
                            int64_t now_s, struct uuid *ret_user_id) MUST_CHECK;

#endif
