/* The line's pure rules: what a policy may be, how long a wait will be, when to ask again. Who is
 * admitted is decided by the one atomic function in line.lua. */
#ifndef QUEUE_LINE_H
#define QUEUE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "base/uuid.h"

enum { LINE_NAME_MAX = 64 };

/* WAITING -> ACTIVE | EXPIRED, ACTIVE -> EXPIRED. UNKNOWN: no such place was ever given. */
enum place_status { PLACE_UNKNOWN, PLACE_WAITING, PLACE_ACTIVE, PLACE_EXPIRED };

/* A user's place in one line. */
struct place {
    struct uuid user_id;
    struct uuid token_id;
    char queue[LINE_NAME_MAX + 1];
    int64_t sequence;
    int64_t issued_at_unix_ms;
    enum place_status status;
    int64_t position;           /* 1 is next; 0 unless WAITING */
    int64_t expires_at_unix_ms; /* of an ACTIVE place; 0 otherwise */
};

enum policy_kind { POLICY_COUNTER, POLICY_GATE, POLICY_BOTH };

struct policy {
    enum policy_kind kind;
    int64_t capacity;          /* counter, both: at most so many active */
    int64_t admit_batch;       /* gate, both: so many enter ... */
    int64_t admit_interval_ms; /* ... in each interval */
    int64_t active_ttl_ms;     /* an active place ends by itself after */
    int64_t absent_ms; /* who has not asked for so long is skipped, and may return for as long */
    bool paused;
};

enum {
    POLICY_CAPACITY_MAX = 1000000,
    POLICY_BATCH_MAX = 1000000,
    POLICY_INTERVAL_MS_MIN = 10,
    POLICY_INTERVAL_MS_MAX = 86400000,
    POLICY_TTL_MS_MIN = 100,
    POLICY_TTL_MS_MAX = 86400000,
    POLICY_ABSENT_MS_MIN = 100,
    POLICY_ABSENT_MS_MAX = 86400000,
};

/* Adds a violation for every member out of range; ST_INVALID_REQUEST when there was one. */
enum status policy_check(struct ctx *ctx, const struct policy *policy) MUST_CHECK;
const char *policy_kind_name(enum policy_kind kind); /* "counter", "gate", "both" */
bool policy_kind_from_name(const char *name, enum policy_kind *ret_kind);

/* A queue as it is. */
struct line_figures {
    struct policy policy;
    int64_t waiting;
    int64_t active;
    int64_t admitted_total;
    int64_t skipped_total;
    int64_t admission_rate_milli; /* admissions a second over the last minute, times 1000 */
    int64_t advance_rate_milli;   /* the same of those who had waited: how fast the line moves */
    int64_t oldest_wait_ms;
    int64_t epoch;
    int64_t last_sequence;
};

/* How long until `position` is admitted. Counter: by the measured rate, or, before there is one, as
 * if every active place lasted its whole time. Gate: by the intervals to come. Both: the longer of
 * the two. 0 for position 0; at most LINE_WAIT_MS_MAX. */
#define LINE_WAIT_MS_MAX INT64_C(604800000)
int64_t line_estimate_wait_ms(const struct line_figures *figures, int64_t position);

/* When a place should be asked for again: a tenth of the wait to come, within LINE_POLL_MS_MIN and
 * LINE_POLL_MS_MAX, and often enough not to count as absent. `dice` (any number) spreads the crowd
 * by up to 20 % downward. 0 for an expired place. */
enum { LINE_POLL_MS_MIN = 500, LINE_POLL_MS_MAX = 15000 };
int64_t line_next_poll_ms(const struct line_figures *figures, const struct place *place,
                          uint64_t dice);

#endif
