#include "log/log.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"

enum { MESSAGE_MAX = 1024 };

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

/* Text of unknown origin (a peer's error, say) must not cost the line. */
static json_t *text_value(const char *text)
{
    const bool good = base_is_utf8(text, strlen(text));
    return json_string(good ? text : "(not UTF-8)");
}

static json_t *begin_line(enum log_level level, const struct ctx *ctx)
{
    char time[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(clock_wall_ms(), time);
    json_t *line = json_object();
    json_object_set_new(line, "time", json_string(time));
    json_object_set_new(line, "level", json_string(level_name(level)));
    json_object_set_new(line, "service", json_string(service_name));
    if (ctx != NULL)
        json_object_set_new(line, "trace_id", json_string(ctx->trace_id));
    return line;
}

/* One write(2) a line, so that lines of threads and processes do not mix. Takes the reference. */
static void end_line(json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (text == NULL)
        return;
    const size_t length = strlen(text);
    text[length] = '\n'; /* in place of the NUL */
    for (size_t done = 0; done < length + 1;) {
        const ssize_t written = write(STDERR_FILENO, text + done, length + 1 - done);
        if (written <= 0)
            break; /* a log that cannot be written has nobody to tell */
        done += (size_t)written;
    }
    free(text);
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

    json_t *line = begin_line(level, ctx);
    json_object_set_new(line, "message", text_value(message));
    end_line(line);
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
    json_t *line = begin_line(level, ctx);
    json_object_set_new(line, "message", text_value(what));
    json_object_set_new(line, "status", json_string(status_name(status)));
    json_object_set_new(line, "duration_ms", json_real((double)duration_us / 1000.0));
    if (ctx->caller[0] != '\0')
        json_object_set_new(line, "caller", text_value(ctx->caller));
    if (ctx->detail[0] != '\0')
        json_object_set_new(line, "detail", text_value(ctx->detail));
    end_line(line);
}
