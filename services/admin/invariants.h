/* The invariants of the suite, each as one query over the audit's temporary tables (sources.c) that
 * returns no row. */
#ifndef ADMIN_INVARIANTS_H
#define ADMIN_INVARIANTS_H

#include <stddef.h>

#include "db/db.h"

struct audit_invariant {
    const char *id; /* "I3" */
    const char *sentence;
    /* Answers with at most AUDIT_SAMPLE_MAX rows: a text that tells one violation, and how many
     * there are in all. */
    struct db_statement query;
};
enum { AUDIT_SAMPLE_MAX = 5 };

extern const struct audit_invariant audit_invariants[];
extern const size_t audit_invariant_count;

#endif
