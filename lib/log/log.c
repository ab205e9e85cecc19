#include "log/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"

enum {
    MESSAGE_MAX = 1024,
    ESCAPED_MAX = 6, /* bytes of JSON for one byte of text */
    LINE_MAX_SIZE = ESCAPED_MAX * (MESSAGE_MAX + CTX_DETAIL_MAX + CTX_CALLER_MAX) + 1024,
};

/* Every request makes one: built in place, without a tree behind it. */
struct line {
    char text[LINE_MAX_SIZE];
    size_t size;
};

static const char *service_name = "boxoffice";
static enum log_level lowest = LOG_INFO;

void log_init(const char *service, enum log_level min_level)
{
    service_name = service;
    lowest = min_level;
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_DEBUG:
        return "debug";
    case LOG_INFO:
        return "info";
    case LOG_WARN:
        return "warn";
    case LOG_ERROR:
        return "error";
    }
    return "error";
}

static void put(struct line *line, const char *bytes, size_t size)
{
    assert(size <= sizeof line->text - line->size); /* values are cut before they get here */
    memcpy(line->text + line->size, bytes, size);
    line->size += size;
}

/* As a JSON string (RFC 8259, 7). */
static void put_string(struct line *line, const char *text)
{
    put(line, "\"", 1);
    while (*text != '\0') {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\')
            plain++;
        put(line, text, plain);
        text += plain;
        if (*text == '\0')
            break;
        char escaped[ESCAPED_MAX + 1];
        const int size =
            (unsigned char)*text < 0x20
                ? snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)(unsigned char)*text)
                : snprintf(escaped, sizeof escaped, "\\%c", *text);
        put(line, escaped, (size_t)size);
        text++;
    }
    put(line, "\"", 1);
}

static void put_name(struct line *line, const char *name)
{
    put(line, line->size == 0 ? "{" : ",", 1);
    put_string(line, name);
    put(line, ":", 1);
}

/* Text of unknown origin (a peer's error, say) must not cost the line. */
static void put_member(struct line *line, const char *name, const char *text)
{
    char cut[MESSAGE_MAX];
    if (!base_is_utf8(text, strlen(text)))
        text = "(not UTF-8)";
    if (strlen(text) >= sizeof cut) {
        base_copy_text(cut, sizeof cut, text);
        text = cut;
    }
    put_name(line, name);
    put_string(line, text);
}

static void begin_line(struct line *line, enum log_level level, const struct ctx *ctx)
{
    char time[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(clock_wall_ms(), time);
    line->size = 0;
    put_member(line, "time", time);
    put_member(line, "level", level_name(level));
    put_member(line, "service", service_name);
    if (ctx != NULL)
        put_member(line, "trace_id", ctx->trace_id);
}

/* One write(2) a line, so that lines of threads and processes do not mix. */
static void end_line(struct line *line)
{
    put(line, "}\n", 2);
    for (size_t done = 0; done < line->size;) {
        const ssize_t written = write(STDERR_FILENO, line->text + done, line->size - done);
        if (written <= 0)
            break; /* a log that cannot be written has nobody to tell */
        done += (size_t)written;
    }
}

void log_line(enum log_level level, const struct ctx *ctx, const char *format, ...)
{
    if (level < lowest)
        return;
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);

    struct line line;
    begin_line(&line, level, ctx);
    put_member(&line, "message", message);
    end_line(&line);
}

static enum log_level request_level(enum status status)
{
    if (status == ST_INTERNAL || status == ST_CONSTRAINT_VIOLATED)
        return LOG_ERROR;
    const int code = status_http_code(status);
    return code == 429 || code >= 500 ? LOG_WARN : LOG_INFO;
}

void log_request(const struct ctx *ctx, const char *what, enum status status, int64_t duration_us)
{
    const enum log_level level = request_level(status);
    if (level < lowest)
        return;
    struct line line;
    char duration_ms[32];
    const int size = snprintf(duration_ms, sizeof duration_ms, "%" PRId64 ".%03d",
                              duration_us / 1000, (int)(duration_us % 1000));
    begin_line(&line, level, ctx);
    put_member(&line, "message", what);
    put_member(&line, "status", status_name(status));
    put_name(&line, "duration_ms");
    put(&line, duration_ms, (size_t)size);
    if (ctx->caller[0] != '\0')
        put_member(&line, "caller", ctx->caller);
    if (ctx->detail[0] != '\0')
        put_member(&line, "detail", ctx->detail);
    end_line(&line);
}
