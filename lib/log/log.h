/* One JSON object a line on standard error:
 * {"time":..,"level":..,"service":..,"trace_id":..,"message":..,
 * ...fields}. Lines are whole under any number of threads. Tokens, keys and passwords are never
 * passed in. */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Call once in main before other threads; `service` is borrowed for good. Lines below min_level are
 * dropped. Before log_init lines go out as service "boxoffice". */
void log_init(const char *service, enum log_level min_level);

/* A line about the process: start, stop, dependency lost or back. ctx may be NULL. */
void log_line(enum log_level level, const struct ctx *ctx, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* The one line of a request, written by the rpc and http edges: method or route, status, duration
 * and the ctx's failure detail. Level: INFO, WARN for statuses of overload and absence, ERROR for
 * ST_INTERNAL and ST_CONSTRAINT_VIOLATED. */
void log_request(const struct ctx *ctx, const char *what, enum status status, int64_t duration_us);

#endif
