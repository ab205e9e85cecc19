#include "token/identity.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "token/base64url.h"
#include "token/jwk.h"

struct identity {
    char *jwks_file; /* NULL: a secret */
    char *issuer, *audience;

    pthread_rwlock_t lock; /* guards what follows */
    struct jwk_set keys;
    struct timespec changed; /* of the file, when it was read */
    int64_t looked_us;
};

static void json_done(json_t **value)
{
    json_decref(*value);
    *value = NULL;
}

/* --- the keys --- */

static bool read_file(const char *path, char why[static 256], struct jwk_set *ret_keys,
                      struct timespec *ret_changed)
{
    static _Thread_local char text[JWK_SET_SIZE_MAX + 1];
    char fault[128] = "it cannot be read";
    struct stat about;
    FILE *file = fopen(path, "re");
    bool good = file != NULL && fstat(fileno(file), &about) == 0;
    if (good) {
        const size_t size = fread(text, 1, sizeof text, file);
        good = size <= JWK_SET_SIZE_MAX && jwk_set_parse(text, size, fault, ret_keys);
        *ret_changed = about.st_mtim;
    }
    if (file != NULL)
        fclose(file);
    if (!good)
        snprintf(why, 256, "%.100s: %s", path, fault);
    return good;
}

/* Takes the file's keys when it is another one than before; keeps the old ones when it is broken.
 */
static void look_again(struct identity *identity)
{
    char why[256];
    struct stat about;
    struct jwk_set keys;
    struct timespec changed;
    const int64_t now_us = clock_monotonic_us();
    if (identity->jwks_file == NULL)
        return;
    pthread_rwlock_wrlock(&identity->lock);
    const bool is_due = now_us - identity->looked_us >= IDENTITY_LOOK_S * 1000000;
    if (is_due)
        identity->looked_us = now_us;
    if (is_due && stat(identity->jwks_file, &about) == 0 &&
        (about.st_mtim.tv_sec != identity->changed.tv_sec ||
         about.st_mtim.tv_nsec != identity->changed.tv_nsec) &&
        read_file(identity->jwks_file, why, &keys, &changed)) {
        jwk_set_done(&identity->keys);
        identity->keys = keys;
        identity->changed = changed;
    }
    pthread_rwlock_unlock(&identity->lock);
}

static char *copy(const char *text)
{
    char *new_text = strdup(text == NULL ? "" : text);
    if (new_text == NULL)
        abort();
    return new_text;
}

enum status identity_new(const struct identity_options *options, char ret_why[static 256],
                         struct identity **ret_identity)
{
    const bool has_secret = options->secret != NULL && options->secret[0] != '\0';
    const bool has_file = options->jwks_file != NULL && options->jwks_file[0] != '\0';
    struct jwk_set keys;
    struct timespec changed = {0};
    snprintf(ret_why, 256, "one secret or one file of keys is needed");
    if (has_secret == has_file)
        return ST_INVALID_REQUEST;
    snprintf(ret_why, 256, "the secret must have %d to %d bytes", JWK_SECRET_MIN, JWK_SECRET_MAX);
    if (has_secret ? !jwk_set_of_secret(options->secret, &keys)
                   : !read_file(options->jwks_file, ret_why, &keys, &changed))
        return ST_INVALID_REQUEST;

    struct identity *identity = calloc(1, sizeof *identity);
    if (identity == NULL)
        abort();
    identity->keys = keys;
    identity->changed = changed;
    identity->looked_us = clock_monotonic_us() - IDENTITY_LOOK_S * 1000000;
    identity->jwks_file = has_file ? copy(options->jwks_file) : NULL;
    identity->issuer = copy(options->issuer);
    identity->audience = copy(options->audience);
    pthread_rwlock_init(&identity->lock, NULL);
    *ret_identity = identity;
    return ST_OK;
}

void identity_free(struct identity **identity)
{
    struct identity *old = *identity;
    if (old == NULL)
        return;
    *identity = NULL;
    jwk_set_done(&old->keys);
    pthread_rwlock_destroy(&old->lock);
    free(old->jwks_file);
    free(old->issuer);
    free(old->audience);
    free(old);
}

/* --- a token --- */

/* header.payload.signature */
struct parts {
    const char *text;
    size_t header_size, payload_size, signature_size;
    const char *payload, *signature;
};

static bool split(const char *text, struct parts *parts)
{
    if (strnlen(text, IDENTITY_TEXT_MAX + 1) > IDENTITY_TEXT_MAX)
        return false;
    const char *first = strchr(text, '.');
    const char *second = first == NULL ? NULL : strchr(first + 1, '.');
    if (second == NULL || strchr(second + 1, '.') != NULL)
        return false;
    *parts = (struct parts){
        .text = text,
        .header_size = (size_t)(first - text),
        .payload = first + 1,
        .payload_size = (size_t)(second - first - 1),
        .signature = second + 1,
        .signature_size = strlen(second + 1),
    };
    return true;
}

static json_t *read_json(const char *text, size_t length)
{
    uint8_t bytes[IDENTITY_TEXT_MAX];
    size_t size;
    if (!base64url_decode(text, length, bytes, &size))
        return NULL;
    json_t *value = json_loadb((const char *)bytes, size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(value))
        return value;
    json_decref(value);
    return NULL;
}

static bool is_text(const json_t *value, const char *wanted)
{
    return json_is_string(value) && strcmp(json_string_value(value), wanted) == 0;
}

/* The key by the header's kid, which must be for the header's algorithm; the lock is held. */
static bool verify_signature(const struct identity *identity, const json_t *header,
                             const struct parts *parts, bool *ret_is_known)
{
    uint8_t signature[IDENTITY_TEXT_MAX];
    size_t size;
    const json_t *kid = json_object_get(header, "kid");
    const char *name = kid == NULL ? "" : json_string_value(kid);
    const struct jwk *key = name == NULL ? NULL : jwk_set_find(&identity->keys, name);
    /* One secret needs no name: whatever the token calls it. */
    if (identity->jwks_file == NULL)
        key = &identity->keys.keys[0];
    *ret_is_known = key != NULL;
    return key != NULL && is_text(json_object_get(header, "alg"), jwk_alg_name(key->alg)) &&
           base64url_decode(parts->signature, parts->signature_size, signature, &size) &&
           jwk_verify(key, parts->text, (size_t)(parts->signature - 1 - parts->text), signature,
                      size);
}

static bool is_signed(struct identity *identity, const json_t *header, const struct parts *parts)
{
    bool is_known = false;
    pthread_rwlock_rdlock(&identity->lock);
    bool good = verify_signature(identity, header, parts, &is_known);
    pthread_rwlock_unlock(&identity->lock);
    if (good || is_known)
        return good;
    look_again(identity);
    pthread_rwlock_rdlock(&identity->lock);
    good = verify_signature(identity, header, parts, &is_known);
    pthread_rwlock_unlock(&identity->lock);
    return good;
}

static bool is_for(const json_t *audience, const char *wanted)
{
    size_t i;
    const json_t *one;
    json_array_foreach(audience, i, one)
    {
        if (is_text(one, wanted))
            return true;
    }
    return is_text(audience, wanted);
}

/* What is wrong with the claims, NULL when nothing is. */
static const char *judge(const struct identity *identity, const json_t *claims, int64_t now_s)
{
    const json_t *expires = json_object_get(claims, "exp");
    const json_t *begins = json_object_get(claims, "nbf");
    if (!json_is_number(expires) || json_number_value(expires) + IDENTITY_LEEWAY_S <= (double)now_s)
        return "it is over, or says not when";
    if (begins != NULL &&
        (!json_is_number(begins) || json_number_value(begins) - IDENTITY_LEEWAY_S > (double)now_s))
        return "it has not begun";
    if (identity->issuer[0] != '\0' && !is_text(json_object_get(claims, "iss"), identity->issuer))
        return "another issuer";
    if (identity->audience[0] != '\0' &&
        !is_for(json_object_get(claims, "aud"), identity->audience))
        return "another audience";
    return NULL;
}

enum status identity_verify(struct ctx *ctx, struct identity *identity, const char *token,
                            int64_t now_s, struct uuid *ret_user_id)
{
    struct parts parts;
    if (!split(token, &parts))
        return ctx_fail(ctx, ST_IDENTITY_INVALID, "no token of three parts");
    scoped(json_done) json_t *header = read_json(parts.text, parts.header_size);
    /* What must be understood and is not known here must be refused (RFC 7515, 4.1.11). */
    if (header == NULL || json_object_get(header, "crit") != NULL ||
        !is_signed(identity, header, &parts))
        return ctx_fail(ctx, ST_IDENTITY_INVALID, "not signed by a key known here");
    scoped(json_done) json_t *claims = read_json(parts.payload, parts.payload_size);
    const char *fault = claims == NULL ? "no claims" : judge(identity, claims, now_s);
    if (fault != NULL)
        return ctx_fail(ctx, ST_IDENTITY_INVALID, "%s", fault);
    const char *subject = json_string_value(json_object_get(claims, "sub"));
    if (subject == NULL || !uuid_parse(subject, ret_user_id))
        return ctx_fail(ctx, ST_IDENTITY_INVALID, "its subject is no UUID");
    return ST_OK;
}
