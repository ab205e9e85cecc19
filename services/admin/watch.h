/* The audit as a job: it looks again and again, and shows what it finds as metrics. A busy suite is
 * never quiet, so an invariant that settles counts only those violations that two looks in a row
 * tell in the same words. */
#ifndef ADMIN_WATCH_H
#define ADMIN_WATCH_H

#include <stdint.h>

#include "audit.h"

/* How many violations there are to stay. `before` is the same invariant's finding of the look
 * before, NULL when there was none. Looks at the samples only. */
int64_t audit_count_lasting(const struct audit_finding *before, const struct audit_finding *now);

struct audit_watch;

/* Looks at once, and then every `interval_ms`. `options` is copied, its urls are borrowed. Each
 * look's lasting violations are left in `report_file` (borrowed; "": nowhere) as report.h has them,
 * without samples: what users did is not for everybody who may read the file. */
struct audit_watch *audit_watch_start(const struct audit_options *options, int64_t interval_ms,
                                      const char *report_file);
/* Waits for a look to end. Sets NULL. */
void audit_watch_stop(struct audit_watch **watch);

/* ST_OK while the last complete look is not much older than it should be: for readiness. `self` is
 * the watch. */
enum status audit_watch_check(struct ctx *ctx, void *self) MUST_CHECK;

#endif
