/* Changes of a queue's policy as an operator writes them: pure. */
#ifndef ADMIN_POLICY_H
#define ADMIN_POLICY_H

#include "base/macros.h"
#include "base/status.h"
#include "peers.h"

/* Applies one word to a policy: a kind ("counter", "gate", "both"), "pause", "resume", or
 * "<member>=<number>" with capacity, admit_batch, admit_interval_ms, active_ttl_ms, absent_ms.
 * ST_INVALID_REQUEST and unchanged for anything else; whether the number makes sense is the queue's
 * to say. */
enum status policy_apply(struct queue_policy *policy, const char *word) MUST_CHECK;

#endif
