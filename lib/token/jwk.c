#include "token/jwk.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/macros.h"
#include "token/base64url.h"

enum {
    NUMBER_MAX = 1024, /* bytes of a key's number: RSA of 8192 bits */
    COORDINATE = 32,   /* bytes of a coordinate of P-256, and of each half of a signature */
};

static void json_done(json_t **value)
{
    json_decref(*value);
    *value = NULL;
}

static void builder_done(OSSL_PARAM_BLD **builder)
{
    OSSL_PARAM_BLD_free(*builder);
}

static void params_done(OSSL_PARAM **params)
{
    OSSL_PARAM_free(*params);
}

static void pkey_ctx_done(EVP_PKEY_CTX **ctx)
{
    EVP_PKEY_CTX_free(*ctx);
}

static void digest_done(EVP_MD_CTX **digest)
{
    EVP_MD_CTX_free(*digest);
}

static void number_done(BIGNUM **number)
{
    BN_free(*number);
}

const char *jwk_alg_name(enum jwk_alg alg)
{
    static const char *const names[] = {"HS256", "RS256", "ES256"};
    return names[alg];
}

bool jwk_set_of_secret(const char *secret, struct jwk_set *ret_set)
{
    const size_t size = strlen(secret);
    if (size < JWK_SECRET_MIN || size > JWK_SECRET_MAX)
        return false;
    *ret_set = (struct jwk_set){.count = 1};
    ret_set->keys[0].alg = JWK_HS256;
    ret_set->keys[0].secret_size = size;
    memcpy(ret_set->keys[0].secret, secret, size);
    return true;
}

void jwk_set_done(struct jwk_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        EVP_PKEY_free(set->keys[i].key);
    OPENSSL_cleanse(set, sizeof *set);
}

/* --- from JSON --- */

/* A base64url member; false when it is absent, broken or too long. */
static bool read_bytes(const json_t *jwk, const char *name, uint8_t bytes[static NUMBER_MAX],
                       size_t *ret_size)
{
    const char *text = json_string_value(json_object_get(jwk, name));
    const size_t length = text == NULL ? 0 : strlen(text);
    return length > 0 && length * 3 / 4 < NUMBER_MAX &&
           base64url_decode(text, length, bytes, ret_size);
}

static BIGNUM *read_number(const json_t *jwk, const char *name)
{
    uint8_t bytes[NUMBER_MAX];
    size_t size;
    return read_bytes(jwk, name, bytes, &size) ? BN_bin2bn(bytes, (int)size, NULL) : NULL;
}

static EVP_PKEY *make_key(const char *type, OSSL_PARAM_BLD *builder)
{
    scoped(params_done) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    scoped(pkey_ctx_done) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;
    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        return NULL;
    return key;
}

static EVP_PKEY *read_rsa(const json_t *jwk)
{
    scoped(number_done) BIGNUM *modulus = read_number(jwk, "n");
    scoped(number_done) BIGNUM *exponent = read_number(jwk, "e");
    scoped(builder_done) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (modulus == NULL || exponent == NULL || builder == NULL ||
        BN_num_bits(modulus) < JWK_RSA_BITS_MIN || !BN_is_odd(exponent) || BN_is_one(exponent) ||
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) != 1)
        return NULL;
    return make_key("RSA", builder);
}

static EVP_PKEY *read_p256(const json_t *jwk)
{
    uint8_t x[NUMBER_MAX], y[NUMBER_MAX],
        point[1 + 2 * COORDINATE] = {POINT_CONVERSION_UNCOMPRESSED};
    size_t x_size, y_size;
    scoped(builder_done) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (builder == NULL || !read_bytes(jwk, "x", x, &x_size) || !read_bytes(jwk, "y", y, &y_size) ||
        x_size != COORDINATE || y_size != COORDINATE)
        return NULL;
    memcpy(point + 1, x, COORDINATE);
    memcpy(point + 1 + COORDINATE, y, COORDINATE);
    if (OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) !=
            1 ||
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) !=
            1)
        return NULL;
    return make_key("EC", builder); /* NULL as well for a point that is not on the curve */
}

static bool is_or_absent(const json_t *jwk, const char *name, const char *wanted)
{
    const json_t *value = json_object_get(jwk, name);
    return value == NULL ||
           (json_is_string(value) && strcmp(json_string_value(value), wanted) == 0);
}

/* Whether it is a key of ours at all; *ret_alg is what for. */
static bool is_usable(const json_t *jwk, enum jwk_alg *ret_alg)
{
    const char *type = json_string_value(json_object_get(jwk, "kty"));
    const char *curve = json_string_value(json_object_get(jwk, "crv"));
    if (type == NULL || !is_or_absent(jwk, "use", "sig"))
        return false;
    const bool is_rsa = strcmp(type, "RSA") == 0;
    if (!is_rsa && (strcmp(type, "EC") != 0 || curve == NULL || strcmp(curve, "P-256") != 0))
        return false;
    *ret_alg = is_rsa ? JWK_RS256 : JWK_ES256;
    return is_or_absent(jwk, "alg", jwk_alg_name(*ret_alg));
}

static bool refuse(char why[static 128], const char *what, size_t index)
{
    snprintf(why, 128, "key %zu %s", index + 1, what);
    return false;
}

static bool add_key(const json_t *jwk, size_t index, char why[static 128], struct jwk_set *set)
{
    enum jwk_alg alg;
    if (!is_usable(jwk, &alg))
        return true;
    const json_t *kid = json_object_get(jwk, "kid");
    if (kid != NULL && (!json_is_string(kid) || json_string_length(kid) == 0 ||
                        json_string_length(kid) > JWK_KID_MAX))
        return refuse(why, "has a bad kid", index);
    const char *name = kid == NULL ? "" : json_string_value(kid);
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->keys[i].kid, name) == 0)
            return refuse(why, "has the kid of another", index);
    }
    if (set->count == JWK_SET_MAX)
        return refuse(why, "is one too many", index);
    EVP_PKEY *key = alg == JWK_RS256 ? read_rsa(jwk) : read_p256(jwk);
    if (key == NULL)
        return refuse(why, "is broken or too short", index);
    struct jwk *added = &set->keys[set->count++];
    *added = (struct jwk){.alg = alg, .key = key};
    base_copy_text(added->kid, sizeof added->kid, name);
    return true;
}

bool jwk_set_parse(const char *text, size_t size, char ret_why[static 128], struct jwk_set *ret_set)
{
    scoped(json_done) json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *keys = json_object_get(root, "keys");
    size_t i;
    const json_t *jwk;
    snprintf(ret_why, 128, "it is no set of keys");
    if (!json_is_array(keys))
        return false;
    *ret_set = (struct jwk_set){0};
    json_array_foreach(keys, i, jwk)
    {
        if (!add_key(jwk, i, ret_why, ret_set)) {
            jwk_set_done(ret_set);
            return false;
        }
    }
    snprintf(ret_why, 128, "it has no key for RS256 or ES256");
    return ret_set->count > 0;
}

/* --- use --- */

const struct jwk *jwk_set_find(const struct jwk_set *set, const char *kid)
{
    if (kid[0] == '\0')
        return set->count == 1 ? &set->keys[0] : NULL;
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->keys[i].kid, kid) == 0)
            return &set->keys[i];
    }
    return NULL;
}

static bool verify_hmac(const struct jwk *key, const char *text, size_t size,
                        const uint8_t *signature, size_t signature_size)
{
    uint8_t expected[EVP_MAX_MD_SIZE];
    unsigned expected_size = 0;
    return HMAC(EVP_sha256(), key->secret, (int)key->secret_size, (const unsigned char *)text, size,
                expected, &expected_size) != NULL &&
           signature_size == expected_size &&
           CRYPTO_memcmp(signature, expected, signature_size) == 0;
}

static bool verify_digest(const struct jwk *key, const char *text, size_t size,
                          const uint8_t *signature, size_t signature_size)
{
    scoped(digest_done) EVP_MD_CTX *digest = EVP_MD_CTX_new();
    return digest != NULL &&
           EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, key->key) == 1 &&
           EVP_DigestVerify(digest, signature, signature_size, (const unsigned char *)text, size) ==
               1;
}

/* JWS has the two numbers side by side (RFC 7518, 3.4), OpenSSL wants them as DER. */
static bool verify_es256(const struct jwk *key, const char *text, size_t size,
                         const uint8_t *signature, size_t signature_size)
{
    if (signature_size != 2 * COORDINATE)
        return false;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, COORDINATE, NULL);
    BIGNUM *s = BN_bin2bn(signature + COORDINATE, COORDINATE, NULL);
    if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1)
        abort();
    uint8_t *der = NULL;
    const int der_size = i2d_ECDSA_SIG(pair, &der);
    const bool good = der_size > 0 && verify_digest(key, text, size, der, (size_t)der_size);
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    return good;
}

bool jwk_verify(const struct jwk *key, const char *text, size_t size, const uint8_t *signature,
                size_t signature_size)
{
    switch (key->alg) {
    case JWK_HS256:
        return verify_hmac(key, text, size, signature, signature_size);
    case JWK_RS256:
        return verify_digest(key, text, size, signature, signature_size);
    case JWK_ES256:
        return verify_es256(key, text, size, signature, signature_size);
    }
    return false;
}
