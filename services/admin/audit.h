/* The audit: reads all services' databases and counts the violations of every invariant. */
#ifndef ADMIN_AUDIT_H
#define ADMIN_AUDIT_H

#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "invariants.h"
#include "sources.h"

struct audit_options {
    const char *urls[AUDIT_SERVICE_COUNT]; /* each may read the service's tables */
    /* Where the temporary tables live: one of the urls, whose role may make them. */
    enum audit_service session;
    int64_t balance_won_max; /* the limit that charges were held to */
    size_t samples; /* violations told one by one, of each invariant: 1..AUDIT_SAMPLES_MAX */
};
enum { AUDIT_SAMPLES_MAX = 1000 };

struct audit_finding {
    const struct audit_invariant *invariant;
    int64_t violations;
    size_t sample_count;
    const char **samples; /* in the ctx's arena, sorted as the database sorts */
};

enum { AUDIT_FINDINGS_MAX = 32 };
struct audit_report {
    size_t count;
    struct audit_finding findings[AUDIT_FINDINGS_MAX];
    int64_t violations; /* of all */
    int64_t rows_read;
};

/* Looks once. Nothing is changed in any database. A database that cannot be read is a failure, not
 * a violation. The arena must hold AUDIT_ARENA_SIZE. */
enum status audit_run(struct ctx *ctx, const struct audit_options *options,
                      struct audit_report *ret_report) MUST_CHECK;
enum { AUDIT_ARENA_SIZE = 64 * 1024 * 1024 };

#endif
