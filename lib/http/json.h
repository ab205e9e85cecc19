/* Strict, bounded JSON (RFC 8259 by jansson): unknown and duplicate members, depth, size, invalid
 * UTF-8, NULs and non-integer numbers are refused, and every wrong member is reported at once by
 * its JSON pointer. */
#ifndef HTTP_JSON_H
#define HTTP_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "http/server.h"

enum http_member_kind {
    HTTP_UUID, /* struct uuid; upper case accepted, kept lower case */
    HTTP_DATE, /* char[CLOCK_DATE_SIZE] */
    HTTP_INT,  /* int64_t in min..max; exact, no fraction or exponent */
    HTTP_TEXT, /* char[max + 1]; UTF-8 of min..max bytes */
};
struct http_member {
    const char *name;
    enum http_member_kind kind;
    bool required; /* an absent optional member leaves its field untouched */
    size_t offset;
    int64_t min, max;
};

/* Reads the request's body, one flat object, into *ret_object by the table. ST_INVALID_REQUEST with
 * violations. */
enum status http_read_json(struct ctx *ctx, const struct http_request *request,
                           const struct http_member *members, size_t count,
                           void *ret_object) MUST_CHECK;

/* A jansson value as the response's body in the arena; takes the reference; NULL root is
 * ST_OVERLOADED. */
struct json_t;
enum status http_write_json(struct ctx *ctx, struct http_response *response,
                            struct json_t *root) MUST_CHECK;

#endif
