/* Copying libpq's results into a request's arena. */
#ifndef DB_ROWS_H
#define DB_ROWS_H

#include "base/ctx.h"
#include "db/db.h"

struct pg_result;
/* ST_OVERLOADED when the arena is full. */
enum status db_rows_copy(struct ctx *ctx, const struct pg_result *result,
                         struct db_rows *ret_rows) MUST_CHECK;

#endif
