/* Changes of a queue's policy as an operator writes them: pure. */
#ifndef ADMIN_POLICY_H
#define ADMIN_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/status.h"

enum { POLICY_COUNTER, POLICY_GATE, POLICY_BOTH, POLICY_KIND_COUNT };
extern const char *const policy_kind_names[POLICY_KIND_COUNT];

struct queue_policy {
    int kind;
    int64_t capacity;
    int64_t admit_batch;
    int64_t admit_interval_ms;
    int64_t active_ttl_ms;
    int64_t absent_ms;
    bool paused;
};

/* Applies one word to a policy: a kind ("counter", "gate", "both"), "pause", "resume", or
 * "<member>=<number>" with capacity, admit_batch, admit_interval_ms, active_ttl_ms, absent_ms.
 * ST_INVALID_REQUEST and unchanged for anything else; whether the number makes sense is the queue's
 * to say. */
enum status policy_apply(struct queue_policy *policy, const char *word) MUST_CHECK;

#endif
