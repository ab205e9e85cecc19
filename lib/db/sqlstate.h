/* What a SQLSTATE means to us (https://www.postgresql.org/docs/15/errcodes-appendix.html). */
#ifndef DB_SQLSTATE_H
#define DB_SQLSTATE_H

#include "base/status.h"

/* NULL (no state: the connection broke) is ST_UNAVAILABLE. */
enum status db_status_of_sqlstate(const char *sqlstate);

#endif
