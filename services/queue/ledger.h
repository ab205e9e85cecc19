/* What PostgreSQL keeps of the lines: watermarks, policies and the admission log. */
#ifndef QUEUE_LEDGER_H
#define QUEUE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "db/db.h"
#include "line.h"

/* A row of `line`. */
struct ledger_line {
    char queue[LINE_NAME_MAX + 1];
    int64_t epoch;
    int64_t watermark;
    int64_t waiting;
    bool has_policy; /* an operator set it */
    struct policy policy;
};

/* Starts a new epoch (the first one of a new queue) with `block` sequence numbers above the old
 * watermark. */
enum status ledger_open(struct ctx *ctx, struct db *db, const char *queue, int64_t block,
                        struct ledger_line *ret_line) MUST_CHECK;
/* Reserves `block` more numbers. */
enum status ledger_reserve(struct ctx *ctx, struct db *db, const char *queue, int64_t block,
                           int64_t *ret_watermark) MUST_CHECK;
/* All lines, at most `max`, in the arena. */
enum status ledger_list(struct ctx *ctx, struct db *db, size_t max, struct ledger_line **ret_lines,
                        size_t *ret_count) MUST_CHECK;
enum status ledger_set_policy(struct ctx *ctx, struct db *db, const char *queue,
                              const struct policy *policy) MUST_CHECK;
enum status ledger_note_waiting(struct ctx *ctx, struct db *db, const char *queue,
                                int64_t waiting) MUST_CHECK;

/* Records log entries, a JSON array as line.lua makes them; entries known already are passed over.
 */
enum status ledger_append(struct ctx *ctx, struct db *db, const char *queue,
                          const char *json) MUST_CHECK;

/* What the log knows of tokens: statuses WAITING (never admitted, not ended), ACTIVE with its end,
 * or EXPIRED. */
enum status ledger_find(struct ctx *ctx, struct db *db, struct place *const places[],
                        size_t count) MUST_CHECK;
/* Places of the queue that the log has as active, by sequence above `after`, in the arena. */
enum { LEDGER_PAGE = 100 };
enum status ledger_list_active(struct ctx *ctx, struct db *db, const char *queue, int64_t after,
                               struct place **ret_places, size_t *ret_count) MUST_CHECK;

/* A transaction that holds the queue's lock: one instance makes a line anew. End it with db_end. */
enum status ledger_lock(struct ctx *ctx, struct db *db, const char *queue,
                        struct db_tx **ret_tx) MUST_CHECK;

#endif
