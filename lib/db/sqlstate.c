#include "db/sqlstate.h"

#include <stddef.h>
#include <string.h>

struct meaning {
    const char *prefix; /* a whole state, or its class of two characters */
    enum status status;
};

/* First match wins. */
static const struct meaning meanings[] = {
    {"57014", ST_TIMEOUT}, /* query_canceled: statement_timeout */
    {"55P03", ST_TIMEOUT}, /* lock_not_available: lock_timeout */
    {"25P03", ST_TIMEOUT}, /* idle_in_transaction_session_timeout */
    {"40", ST_CONFLICT},   /* deadlock, serialization failure */
    {"23", ST_CONSTRAINT_VIOLATED},
    {"08", ST_UNAVAILABLE},    /* connection exceptions */
    {"57P", ST_UNAVAILABLE},   /* shutdown, crash, cannot connect now */
    {"25006", ST_UNAVAILABLE}, /* read-only: a standby */
    {"53300", ST_UNAVAILABLE}, /* too many connections */
    {"28", ST_UNAVAILABLE},    /* refused at the door: the operator's business */
    {"3D000", ST_UNAVAILABLE}, /* no such database (yet) */
    {"53", ST_OVERLOADED},     /* disk or memory full */
};

enum status db_status_of_sqlstate(const char *sqlstate)
{
    if (sqlstate == NULL)
        return ST_UNAVAILABLE;
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
        if (strncmp(sqlstate, meanings[i].prefix, strlen(meanings[i].prefix)) == 0)
            return meanings[i].status;
    }
    return ST_INTERNAL;
}
