/* What the audit reads: one source a table of a service, copied into a temporary table of the
 * audit's own session so that one query can look across services. */
#ifndef ADMIN_SOURCES_H
#define ADMIN_SOURCES_H

#include <stddef.h>

#include "db/db.h"

enum audit_service {
    AUDIT_QUEUE,
    AUDIT_CONCERT,
    AUDIT_RESERVATION,
    AUDIT_WALLET,
    AUDIT_PAYMENT,
    AUDIT_SERVICE_COUNT
};

const char *audit_service_name(enum audit_service service);

/* Rows come through a cursor as JSON objects and go into the temporary table by the names of its
 * columns. */
struct audit_source {
    const char *table; /* of the audit's session */
    enum audit_service service;
    struct db_statement create; /* in the audit's session */
    struct db_statement insert; /* there: $1 is an array of JSON objects */
    struct db_statement open;   /* at the service: the cursor */
    struct db_statement fetch;  /* there: the next rows, one JSON object each */
};

extern const struct audit_source audit_sources[];
extern const size_t audit_source_count;

#endif
