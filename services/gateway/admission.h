/* Who is asking, and whether it is their turn. Forgeries are refused here, by the signature;
 * whether it is a token's turn is the queue's answer alone, asked for many requests in one call. */
#ifndef GATEWAY_ADMISSION_H
#define GATEWAY_ADMISSION_H

#include "base/ctx.h"
#include "http/server.h"
#include "peers.h"
#include "token/token.h"

struct admission;

/* Both borrowed. */
struct admission *admission_new(const struct gateway_peers *peers, const struct token_key *key);
void admission_free(struct admission **admission);

struct caller {
    struct token_claims claims;
    const char *token; /* as sent, in the request */
};

/* The request's `Authorization: Bearer <token>`; false when there is none or it is of another kind.
 */
bool admission_read_bearer(const struct http_request *request, const char **ret_token);
/* The holder of any authentic token: ST_TOKEN_REQUIRED, ST_TOKEN_INVALID. */
enum status admission_identify(struct ctx *ctx, struct admission *admission,
                               const struct http_request *request,
                               struct caller *ret_caller) MUST_CHECK;
/* The same, and it is their turn: also ST_TOKEN_EXPIRED, ST_NOT_YOUR_TURN (notes position and
 * retry_after). */
enum status admission_require_turn(struct ctx *ctx, struct admission *admission,
                                   const struct http_request *request,
                                   struct caller *ret_caller) MUST_CHECK;

#endif
