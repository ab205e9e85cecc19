#include "token/token.h"

#include <errno.h>
#include <jwt.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

struct token_key {
    size_t size;
    unsigned char bytes[];
};

enum status token_key_new(const char *secret, struct token_key **ret_key)
{
    const size_t size = strlen(secret);
    if (size < TOKEN_SECRET_MIN)
        return ST_INVALID_REQUEST;
    struct token_key *key = malloc(sizeof *key + size);
    if (key == NULL)
        return ST_OVERLOADED;
    key->size = size;
    memcpy(key->bytes, secret, size);
    *ret_key = key;
    return ST_OK;
}

void token_key_free(struct token_key **key)
{
    if (*key != NULL)
        explicit_bzero((*key)->bytes, (*key)->size);
    free(*key);
    *key = NULL;
}

bool token_queue_is_valid(const char *queue)
{
    const size_t length = strspn(queue, "abcdefghijklmnopqrstuvwxyz0123456789-_");
    return length >= 1 && length <= TOKEN_QUEUE_MAX && queue[length] == '\0';
}

static void jwt_done(jwt_t **jwt)
{
    jwt_free(*jwt);
    *jwt = NULL;
}

static void text_done(char **text)
{
    free(*text);
    *text = NULL;
}

enum status token_sign(struct ctx *ctx, const struct token_key *key,
                       const struct token_claims *claims, const char **ret_token)
{
    scoped(jwt_done) jwt_t *jwt = NULL;
    scoped(text_done) char *encoded = NULL;
    const int failed = jwt_new(&jwt) != 0 ||
                       jwt_set_alg(jwt, JWT_ALG_HS256, key->bytes, (int)key->size) != 0 ||
                       jwt_add_grant(jwt, "sub", claims->user_id.text) != 0 ||
                       jwt_add_grant(jwt, "jti", claims->token_id.text) != 0 ||
                       jwt_add_grant(jwt, "queue", claims->queue) != 0 ||
                       jwt_add_grant_int(jwt, "seq", claims->sequence) != 0 ||
                       jwt_add_grant_int(jwt, "iat", claims->issued_at_unix_ms / 1000) != 0 ||
                       jwt_add_grant_int(jwt, "iat_ms", claims->issued_at_unix_ms) != 0;
    if (!failed)
        encoded = jwt_encode_str(jwt);
    if (encoded == NULL)
        return ctx_fail(ctx, ST_INTERNAL, "token could not be signed");
    const char *copy = arena_strdup(ctx->arena, encoded);
    if (copy == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    *ret_token = copy;
    return ST_OK;
}

/* An integer claim; false when it is absent or of another type. */
static bool read_int(jwt_t *jwt, const char *name, int64_t *ret_value)
{
    errno = 0;
    const long value = jwt_get_grant_int(jwt, name);
    if (errno != 0)
        return false;
    *ret_value = value;
    return true;
}

static bool read_uuid(jwt_t *jwt, const char *name, struct uuid *ret_uuid)
{
    const char *text = jwt_get_grant(jwt, name);
    if (text == NULL || !uuid_is_valid(text))
        return false;
    memcpy(ret_uuid->text, text, UUID_TEXT_SIZE);
    return true;
}

static bool read_claims(jwt_t *jwt, struct token_claims *claims)
{
    const char *queue = jwt_get_grant(jwt, "queue");
    if (queue == NULL || !token_queue_is_valid(queue))
        return false;
    base_copy_text(claims->queue, sizeof claims->queue, queue);
    return read_uuid(jwt, "sub", &claims->user_id) && read_uuid(jwt, "jti", &claims->token_id) &&
           read_int(jwt, "seq", &claims->sequence) && claims->sequence >= 1 &&
           read_int(jwt, "iat_ms", &claims->issued_at_unix_ms) && claims->issued_at_unix_ms >= 0;
}

enum status token_verify(struct ctx *ctx, const struct token_key *key, const char *token,
                         struct token_claims *ret_claims)
{
    if (strnlen(token, TOKEN_TEXT_MAX + 1) > TOKEN_TEXT_MAX)
        return ctx_fail(ctx, ST_TOKEN_INVALID, "token longer than %d bytes", TOKEN_TEXT_MAX);

    scoped(jwt_done) jwt_t *jwt = NULL;
    if (jwt_decode(&jwt, token, key->bytes, (int)key->size) != 0)
        return ctx_fail(ctx, ST_TOKEN_INVALID, "token malformed or not signed by this key");
    /* The header names the algorithm; only ours counts ("none" has passed the decoder). */
    if (jwt_get_alg(jwt) != JWT_ALG_HS256)
        return ctx_fail(ctx, ST_TOKEN_INVALID, "token algorithm is not HS256");
    struct token_claims claims = {0};
    if (!read_claims(jwt, &claims))
        return ctx_fail(ctx, ST_TOKEN_INVALID, "token claim missing or out of range");
    *ret_claims = claims;
    return ST_OK;
}
