/* The lines in Redis and their memory in PostgreSQL. Any number of threads; any number of
 * instances. Statuses: ST_UNAVAILABLE and ST_OVERLOADED as lib/kv and lib/db have them, ST_TIMEOUT.
 * Whatever a call tells about an admission or an end is in PostgreSQL's log by then, so no loss of
 * Redis takes it back. */
#ifndef QUEUE_STORE_H
#define QUEUE_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "line.h"

struct kv;
struct db;
struct queue_store;

enum { QUEUES_MAX = 1024, LOOK_MAX = 256 };

/* `kv` and `db` are borrowed; `settings` is the policy of a queue for which nobody has set one. */
struct queue_store *queue_store_new(struct kv *kv, struct db *db, const struct policy *settings);
void queue_store_free(struct queue_store **store);

/* Joins the line: the user's live place, or a new one at the end of the line with token_id. */
enum status queue_store_issue(struct ctx *ctx, struct queue_store *store, const char *queue,
                              const struct uuid *user_id, const struct uuid *token_id,
                              struct place *ret_place, bool *ret_created) MUST_CHECK;

/* Fills status, position and end of up to LOOK_MAX places of one queue, given by user, token,
 * sequence and issue time, in one round trip. With `is_present` it counts as a sign of life of
 * their users. */
enum status queue_store_look(struct ctx *ctx, struct queue_store *store, const char *queue,
                             struct place *const places[], size_t count,
                             bool is_present) MUST_CHECK;

/* Ends a place. *ret_expired is false when it had ended before. */
enum expire_reason { EXPIRE_LEFT, EXPIRE_PAID };
enum status queue_store_expire(struct ctx *ctx, struct queue_store *store, const char *queue,
                               const struct uuid *user_id, const struct uuid *token_id,
                               enum expire_reason reason, bool *ret_expired) MUST_CHECK;

/* Sets a checked policy for good. */
enum status queue_store_set_policy(struct ctx *ctx, struct queue_store *store, const char *queue,
                                   const struct policy *policy) MUST_CHECK;

/* As of now; or, for estimates, at most FIGURES_AGE_MAX_MS old. */
enum { FIGURES_AGE_MAX_MS = 1000 };
enum status queue_store_figures(struct ctx *ctx, struct queue_store *store, const char *queue,
                                struct line_figures *ret_figures) MUST_CHECK;
enum status queue_store_recent_figures(struct ctx *ctx, struct queue_store *store,
                                       const char *queue,
                                       struct line_figures *ret_figures) MUST_CHECK;

/* What time does, for every known queue: ends and admits, records the log, reserves numbers ahead,
 * renews the figures. Called often by every instance. */
void queue_store_tick(struct ctx *ctx, struct queue_store *store);
/* Records what is left of every log, when nothing else runs any more. */
void queue_store_drain(struct ctx *ctx, struct queue_store *store);

#endif
