#include "token/page.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

enum { SIGNATURE_SIZE = 16, LIST_MAX = 128, BYTES_MAX = PAGE_PLACE_MAX + SIGNATURE_SIZE };
static_assert((BYTES_MAX + 2) / 3 * 4 <= PAGE_TOKEN_MAX, "a token of the longest place fits");

/* base64url without padding (RFC 4648, 5). */
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(const uint8_t *bytes, size_t size, char *text)
{
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | bytes[i];
        for (have += 8; have >= 6; have -= 6)
            *text++ = digits[bits >> (have - 6) & 63];
    }
    if (have > 0)
        *text++ = digits[bits << (6 - have) & 63];
    *text = '\0';
}

/* False for other characters, and for unused bits that are not 0: one token has one text. */
static bool decode(const char *text, size_t length, uint8_t *bytes, size_t *ret_size)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t size = 0;
    for (size_t i = 0; i < length; i++) {
        const char *digit = memchr(digits, text[i], sizeof digits - 1);
        if (digit == NULL)
            return false;
        bits = bits << 6 | (uint32_t)(digit - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            bytes[size++] = (uint8_t)(bits >> have);
        }
    }
    *ret_size = size;
    return have < 6 && (bits & ((1U << have) - 1)) == 0;
}

/* Over list, NUL, place: no two pairs read the same. */
static bool sign(const struct page_key *key, const char *list, const uint8_t *place, size_t size,
                 uint8_t ret_signature[static EVP_MAX_MD_SIZE])
{
    uint8_t message[LIST_MAX + 1 + PAGE_PLACE_MAX];
    const size_t head = strlen(list) + 1;
    assert(head <= LIST_MAX + 1 && size <= PAGE_PLACE_MAX);
    memcpy(message, list, head);
    memcpy(message + head, place, size);
    return HMAC(EVP_sha256(), key->bytes, PAGE_KEY_SIZE, message, head + size, ret_signature,
                NULL) != NULL;
}

enum status page_token_make(struct ctx *ctx, const struct page_key *key, const char *list,
                            const char *place, const char **ret_token)
{
    uint8_t bytes[BYTES_MAX], signature[EVP_MAX_MD_SIZE];
    const size_t size = strlen(place);
    assert(size >= 1 && size <= PAGE_PLACE_MAX);
    char *text = arena_alloc(ctx->arena, PAGE_TOKEN_MAX + 1);
    if (text == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    memcpy(bytes, place, size);
    if (!sign(key, list, bytes, size, signature))
        return ctx_fail(ctx, ST_INTERNAL, "a page token could not be signed");
    memcpy(bytes + size, signature, SIGNATURE_SIZE);
    encode(bytes, size + SIGNATURE_SIZE, text);
    *ret_token = text;
    return ST_OK;
}

bool page_token_read(const struct page_key *key, const char *list, const char *token,
                     char ret_place[static PAGE_PLACE_MAX + 1])
{
    uint8_t bytes[PAGE_TOKEN_MAX], signature[EVP_MAX_MD_SIZE];
    const size_t length = strnlen(token, PAGE_TOKEN_MAX + 1);
    size_t size;
    if (length > PAGE_TOKEN_MAX || !decode(token, length, bytes, &size) || size <= SIGNATURE_SIZE ||
        size > BYTES_MAX)
        return false;
    size -= SIGNATURE_SIZE;
    if (!sign(key, list, bytes, size, signature) ||
        CRYPTO_memcmp(signature, bytes + size, SIGNATURE_SIZE) != 0)
        return false;
    memcpy(ret_place, bytes, size);
    ret_place[size] = '\0';
    return true;
}
