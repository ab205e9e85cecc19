/* The catalog in PostgreSQL. */
#ifndef CONCERT_STORE_H
#define CONCERT_STORE_H

#include "base/ctx.h"
#include "catalog.h"
#include "token/page.h"

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

/* Those of `dates` that are there, in order; *ret_dates in the arena. */
enum status catalog_store_find_dates(struct ctx *ctx, struct db *db, const char *concert_id,
                                     const struct catalog_date dates[], size_t count,
                                     struct catalog_date **ret_dates, size_t *ret_count) MUST_CHECK;

/* Adds what is not there, all of it or nothing; what is there stays as it is. *ret_created tells
 * about the concert, *ret_added how many dates. */
enum status catalog_store_add(struct ctx *ctx, struct db *db, const struct catalog_concert *concert,
                              const struct catalog_date dates[], size_t count, bool *ret_created,
                              int64_t *ret_added) MUST_CHECK;

/* What page tokens are signed with, the same for all instances. */
enum status catalog_store_page_key(struct ctx *ctx, struct db *db,
                                   struct page_key *ret_key) MUST_CHECK;

#endif
