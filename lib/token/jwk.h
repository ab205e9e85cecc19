/* Keys that verify signatures of others: JSON Web Keys (RFC 7517) and shared secrets. A key has one
 * algorithm, its own; what a token says of itself is never believed. */
#ifndef TOKEN_JWK_H
#define TOKEN_JWK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JWK_SET_MAX = 32,            /* keys of a set */
    JWK_SET_SIZE_MAX = 64 << 10, /* bytes of its file */
    JWK_KID_MAX = 128,
    JWK_RSA_BITS_MIN = 2048, /* RFC 7518, 3.3 */
    JWK_SECRET_MIN = 32,     /* bytes; RFC 7518, 3.2 */
    JWK_SECRET_MAX = 1024,
};

enum jwk_alg { JWK_HS256, JWK_RS256, JWK_ES256 };
const char *jwk_alg_name(enum jwk_alg alg);

struct jwk {
    enum jwk_alg alg;
    char kid[JWK_KID_MAX + 1]; /* "": it has none */
    struct evp_pkey_st *key;   /* of RS256 and ES256 */
    uint8_t secret[JWK_SECRET_MAX];
    size_t secret_size; /* of HS256 */
};

struct jwk_set {
    size_t count;
    struct jwk keys[JWK_SET_MAX];
};

/* A set of one shared secret. False when it is too short or too long. */
bool jwk_set_of_secret(const char *secret, struct jwk_set *ret_set);
/* {"keys":[...]}: RSA keys of 2048 bits or more for RS256, P-256 keys for ES256. Keys for anything
 * else (encryption, other algorithms, symmetric ones) are passed over. False, with a sentence in
 * ret_why, when it is no such set, a key is broken, two share a kid, or none can be used. */
bool jwk_set_parse(const char *text, size_t size, char ret_why[static 128],
                   struct jwk_set *ret_set);
void jwk_set_done(struct jwk_set *set);

/* The key by that kid; for "" the only one of the set. NULL when there is none. */
const struct jwk *jwk_set_find(const struct jwk_set *set, const char *kid);
/* Whether `signature` is this key's over `text`. */
bool jwk_verify(const struct jwk *key, const char *text, size_t size, const uint8_t *signature,
                size_t signature_size);

#endif
