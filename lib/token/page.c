#include "token/page.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "token/base64url.h"

enum { SIGNATURE_SIZE = 16, LIST_MAX = 128, BYTES_MAX = PAGE_PLACE_MAX + SIGNATURE_SIZE };
static_assert((BYTES_MAX + 2) / 3 * 4 <= PAGE_TOKEN_MAX, "a token of the longest place fits");

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
    base64url_encode(bytes, size + SIGNATURE_SIZE, text);
    *ret_token = text;
    return ST_OK;
}

bool page_token_read(const struct page_key *key, const char *list, const char *token,
                     char ret_place[static PAGE_PLACE_MAX + 1])
{
    uint8_t bytes[PAGE_TOKEN_MAX], signature[EVP_MAX_MD_SIZE];
    const size_t length = strnlen(token, PAGE_TOKEN_MAX + 1);
    size_t size;
    if (length > PAGE_TOKEN_MAX || !base64url_decode(token, length, bytes, &size) ||
        size <= SIGNATURE_SIZE || size > BYTES_MAX)
        return false;
    size -= SIGNATURE_SIZE;
    if (!sign(key, list, bytes, size, signature) ||
        CRYPTO_memcmp(signature, bytes + size, SIGNATURE_SIZE) != 0)
        return false;
    memcpy(ret_place, bytes, size);
    ret_place[size] = '\0';
    return true;
}
