/* What travels with one request through every layer: deadline, trace, caller, memory, and how it
 * failed. */
#ifndef BASE_CTX_H
#define BASE_CTX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/status.h"

enum {
    CTX_DETAIL_MAX = 256,    /* bytes of failure detail for the log */
    CTX_CALLER_MAX = 64,     /* bytes of the caller's name */
    CTX_NOTES_MAX = 4,       /* facts for the client beside the code, e.g. position */
    CTX_VIOLATIONS_MAX = 16, /* wrong members reported at once */
};

#define CTX_NO_DEADLINE INT64_MAX

struct ctx_note {
    char key[24];
    char value[40];
};

struct ctx_violation {
    char pointer[64];     /* JSON pointer of the member (RFC 6901), e.g. "/seat_no" */
    char description[96]; /* English, e.g. "must be 1 to 50" */
};

struct ctx {
    int64_t
        deadline_us; /* clock_monotonic_us() at which nobody waits any more, or CTX_NO_DEADLINE */
    struct arena *arena; /* borrowed; everything a handler builds lives here */

    char trace_id[33];    /* W3C trace id, 32 lower-case hex digits */
    char span_id[17];     /* this hop's span */
    char parent_span[17]; /* the caller's span, "" when there is none */
    bool sampled;

    char caller[CTX_CALLER_MAX]; /* peer address or, with mutual TLS, its name */

    enum status failure; /* status given with the first ctx_fail, ST_OK before */
    char detail[CTX_DETAIL_MAX];
    struct ctx_note notes[CTX_NOTES_MAX];
    size_t note_count;
    struct ctx_violation violations[CTX_VIOLATIONS_MAX];
    size_t violation_count;
};

/* A fresh context with a new trace, no deadline and the given arena (borrowed, may be NULL). */
void ctx_init(struct ctx *ctx, struct arena *arena);
/* The same, under the caller's trace when `traceparent` (see ctx_continue_trace) is a valid one. */
void ctx_init_traced(struct ctx *ctx, struct arena *arena, const char *traceparent);
void ctx_set_timeout_ms(struct ctx *ctx, int64_t timeout_ms);
/* Moves the deadline nearer, never further away. */
void ctx_limit_timeout_ms(struct ctx *ctx, int64_t timeout_ms);
/* Milliseconds left, 0 when over, INT64_MAX without a deadline. */
int64_t ctx_remaining_ms(const struct ctx *ctx);
bool ctx_is_over(const struct ctx *ctx);

/* Continues the caller's trace: parses a W3C `traceparent` ("00-<32 hex>-<16 hex>-<2 hex>",
 * https://www.w3.org/TR/trace-context/) and starts a new span under it. An invalid one starts a new
 * trace and returns false. */
bool ctx_continue_trace(struct ctx *ctx, const char *traceparent);
/* The header to send to the next hop. */
#define CTX_TRACEPARENT_SIZE 56
void ctx_format_traceparent(const struct ctx *ctx, char ret_text[static CTX_TRACEPARENT_SIZE]);

/* Notes why, for the log, and returns status: `return ctx_fail(ctx, ST_X, "...")`. The first detail
 * is kept (it is nearest to the cause). Details never reach a client and never hold tokens or keys.
 */
enum status ctx_fail(struct ctx *ctx, enum status status, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* Tells the client a fact beside the code, e.g. ("position", "17"). Beyond CTX_NOTES_MAX: dropped.
 */
void ctx_note(struct ctx *ctx, const char *key, const char *format, ...) PRINTF_LIKE(3, 4);
/* The value of a note, or NULL. */
const char *ctx_find_note(const struct ctx *ctx, const char *key);
/* Adds a wrong member; shown to the client. */
void ctx_violate(struct ctx *ctx, const char *pointer, const char *format, ...) PRINTF_LIKE(3, 4);
/* ST_INVALID_REQUEST when any member was found wrong, else ST_OK: the end of a check function. */
enum status ctx_checked(struct ctx *ctx) MUST_CHECK;

/* Forgets failure, detail, notes and violations, keeping deadline, trace and arena: before a retry.
 */
void ctx_forgive(struct ctx *ctx);

#endif
