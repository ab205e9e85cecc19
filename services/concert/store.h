/* The catalog in PostgreSQL. */
#ifndef CONCERT_STORE_H
#define CONCERT_STORE_H

#include "base/ctx.h"
#include "catalog.h"

struct db;

/* In order of id, those after concert `after` ("" for the first page); *ret_concerts in the arena.
 */
enum status catalog_store_concerts(struct ctx *ctx, struct db *db, const char *after, size_t limit,
                                   struct catalog_concert **ret_concerts,
                                   size_t *ret_count) MUST_CHECK;
/* ST_CONCERT_NOT_FOUND. */
enum status catalog_store_concert(struct ctx *ctx, struct db *db, const char *concert_id,
                                  struct catalog_concert *ret_concert) MUST_CHECK;
/* From `from` through `through` ("" for no end), at most `limit`, in order; *ret_dates in the
 * arena. */
enum status catalog_store_dates(struct ctx *ctx, struct db *db, const char *concert_id,
                                const char *from, const char *through, size_t limit,
                                struct catalog_date **ret_dates, size_t *ret_count) MUST_CHECK;

/* Adds what is not there; *ret_created is false when it was, whatever it holds. */
enum status catalog_store_add_concert(struct ctx *ctx, struct db *db,
                                      const struct catalog_concert *concert,
                                      bool *ret_created) MUST_CHECK;
enum status catalog_store_add_date(struct ctx *ctx, struct db *db, const char *concert_id,
                                   const struct catalog_date *date, bool *ret_created) MUST_CHECK;

#endif
