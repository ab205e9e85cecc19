/* The invariants of the suite, each as one query over the audit's temporary tables (sources.c) that
 * returns no row. */
#ifndef ADMIN_INVARIANTS_H
#define ADMIN_INVARIANTS_H

#include <stdbool.h>
#include <stddef.h>

#include "db/db.h"

struct audit_invariant {
    const char *id; /* "I3" */
    const char *sentence;
    /* It is about several databases, or about an end that is still to come: in a busy suite it may
     * be violated for a moment, and only what stays so is wrong. */
    bool settles;
    /* Takes the limit of a balance and that of its rows; answers with a text that tells one
     * violation, and how many there are in all. */
    struct db_statement query;
};

extern const struct audit_invariant audit_invariants[];
extern const size_t audit_invariant_count;

#endif
