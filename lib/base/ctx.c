#include "base/ctx.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/uuid.h"

/* Never all zero in practice, as W3C wants. */
static void random_hex(char *to, size_t digits)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t bytes[16];
    assert(digits <= 2 * sizeof bytes);
    base_random(bytes, digits / 2);
    for (size_t i = 0; i < digits; i += 2) {
        to[i] = hex[bytes[i / 2] >> 4];
        to[i + 1] = hex[bytes[i / 2] & 15];
    }
    to[digits] = '\0';
}

/* Touches the heads of its lists only: a request that goes well never uses the rest. */
static void init_untraced(struct ctx *ctx, struct arena *arena)
{
    ctx->deadline_us = CTX_NO_DEADLINE;
    ctx->arena = arena;
    ctx->caller[0] = '\0';
    ctx_forgive(ctx);
}

static void begin_trace(struct ctx *ctx)
{
    random_hex(ctx->trace_id, 32);
    random_hex(ctx->span_id, 16);
    ctx->parent_span[0] = '\0';
    ctx->sampled = false;
}

void ctx_init(struct ctx *ctx, struct arena *arena)
{
    init_untraced(ctx, arena);
    begin_trace(ctx);
}

void ctx_init_traced(struct ctx *ctx, struct arena *arena, const char *traceparent)
{
    init_untraced(ctx, arena);
    (void)ctx_continue_trace(ctx, traceparent);
}

void ctx_set_timeout_ms(struct ctx *ctx, int64_t timeout_ms)
{
    const int64_t now_us = clock_monotonic_us();
    if (timeout_ms > (CTX_NO_DEADLINE - now_us) / 1000)
        ctx->deadline_us = CTX_NO_DEADLINE;
    else
        ctx->deadline_us = now_us + timeout_ms * 1000;
}

void ctx_limit_timeout_ms(struct ctx *ctx, int64_t timeout_ms)
{
    const int64_t earlier_us = ctx->deadline_us;
    ctx_set_timeout_ms(ctx, timeout_ms);
    if (earlier_us < ctx->deadline_us)
        ctx->deadline_us = earlier_us;
}

int64_t ctx_remaining_ms(const struct ctx *ctx)
{
    if (ctx->deadline_us == CTX_NO_DEADLINE)
        return INT64_MAX;
    const int64_t left_us = ctx->deadline_us - clock_monotonic_us();
    return left_us <= 0 ? 0 : (left_us + 999) / 1000;
}

bool ctx_is_over(const struct ctx *ctx)
{
    return ctx->deadline_us != CTX_NO_DEADLINE && clock_monotonic_us() >= ctx->deadline_us;
}

static bool is_lower_hex(const char *text, size_t count)
{
    return strspn(text, "0123456789abcdef") >= count;
}

static bool is_zero(const char *text, size_t count)
{
    return strspn(text, "0") >= count;
}

bool ctx_continue_trace(struct ctx *ctx, const char *traceparent)
{
    enum { TRACE = 3, SPAN = 36, FLAGS = 53 };
    const size_t length = strnlen(traceparent, CTX_TRACEPARENT_SIZE);
    const bool shaped = length == CTX_TRACEPARENT_SIZE - 1 && strncmp(traceparent, "00-", 3) == 0 &&
                        traceparent[SPAN - 1] == '-' && traceparent[FLAGS - 1] == '-' &&
                        is_lower_hex(traceparent + TRACE, 32) &&
                        is_lower_hex(traceparent + SPAN, 16) &&
                        is_lower_hex(traceparent + FLAGS, 2);
    if (!shaped || is_zero(traceparent + TRACE, 32) || is_zero(traceparent + SPAN, 16)) {
        begin_trace(ctx);
        return false;
    }
    random_hex(ctx->span_id, 16);
    memcpy(ctx->trace_id, traceparent + TRACE, 32);
    memcpy(ctx->parent_span, traceparent + SPAN, 16);
    ctx->trace_id[32] = '\0';
    ctx->parent_span[16] = '\0';
    ctx->sampled = strchr("13579bdf", traceparent[FLAGS + 1]) != NULL;
    return true;
}

void ctx_format_traceparent(const struct ctx *ctx, char ret_text[static CTX_TRACEPARENT_SIZE])
{
    /* Each hop does this: no printf. */
    memcpy(ret_text, "00-", 3);
    memcpy(ret_text + 3, ctx->trace_id, 32);
    ret_text[35] = '-';
    memcpy(ret_text + 36, ctx->span_id, 16);
    memcpy(ret_text + 52, ctx->sampled ? "-01" : "-00", 4);
}

/* vsnprintf that never leaves half a UTF-8 character. */
PRINTF_LIKE(3, 0)
static void format_text(char *to, size_t size, const char *format, va_list args)
{
    char text[CTX_DETAIL_MAX + 1];
    vsnprintf(text, sizeof text, format, args);
    base_copy_text(to, size, text);
}

enum status ctx_fail(struct ctx *ctx, enum status status, const char *format, ...)
{
    assert(status != ST_OK);
    if (ctx->failure != ST_OK)
        return status;
    ctx->failure = status;
    va_list args;
    va_start(args, format);
    format_text(ctx->detail, sizeof ctx->detail, format, args);
    va_end(args);
    return status;
}

void ctx_note(struct ctx *ctx, const char *key, const char *format, ...)
{
    if (ctx->note_count == CTX_NOTES_MAX)
        return;
    struct ctx_note *note = &ctx->notes[ctx->note_count++];
    base_copy_text(note->key, sizeof note->key, key);
    va_list args;
    va_start(args, format);
    format_text(note->value, sizeof note->value, format, args);
    va_end(args);
}

const char *ctx_find_note(const struct ctx *ctx, const char *key)
{
    for (size_t i = 0; i < ctx->note_count; i++) {
        if (strcmp(ctx->notes[i].key, key) == 0)
            return ctx->notes[i].value;
    }
    return NULL;
}

void ctx_violate(struct ctx *ctx, const char *pointer, const char *format, ...)
{
    if (ctx->violation_count == CTX_VIOLATIONS_MAX)
        return;
    struct ctx_violation *violation = &ctx->violations[ctx->violation_count++];
    base_copy_text(violation->pointer, sizeof violation->pointer, pointer);
    va_list args;
    va_start(args, format);
    format_text(violation->description, sizeof violation->description, format, args);
    va_end(args);
}

enum status ctx_checked(struct ctx *ctx)
{
    if (ctx->violation_count == 0)
        return ST_OK;
    return ctx_fail(ctx, ST_INVALID_REQUEST, "%s %s", ctx->violations[0].pointer,
                    ctx->violations[0].description);
}

void ctx_forgive(struct ctx *ctx)
{
    ctx->failure = ST_OK;
    ctx->detail[0] = '\0';
    ctx->note_count = 0;
    ctx->violation_count = 0;
}
