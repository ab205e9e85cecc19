/* Copying libpq's results into a request's arena. */
#ifndef DB_ROWS_H
#define DB_ROWS_H

#include "base/ctx.h"
#include "db/db.h"

struct pg_result;
/* ST_OVERLOADED when the arena is full. */
enum status db_rows_copy(struct ctx *ctx, const struct pg_result *result,
                         struct db_rows *ret_rows) MUST_CHECK;

/* One call's share of a statement that takes many. */
struct db_part {
    struct ctx *ctx;
    struct db_rows *rows;
    enum status status; /* result: ST_OVERLOADED when its rows did not fit */
};
/* Gives each part the rows whose first column is its ordinal, without that column. */
void db_rows_spread(const struct pg_result *result, struct db_part parts[], size_t count);

#endif
