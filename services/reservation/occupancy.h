/* What readers are shown of the claims: a date's seats as they are, and what changed on some dates
 * since a version. The claims themselves are the log: every writer of a date runs under its lock
 * and takes a new version there, so a date's versions are committed in ascending order, and whoever
 * has seen one has seen all before it (docs/decisions/0012). */
#ifndef RESERVATION_OCCUPANCY_H
#define RESERVATION_OCCUPANCY_H

#include <stddef.h>

#include "base/ctx.h"
#include "seats.h"

struct db;

struct claim_occupancy {
    const char *date; /* as it was asked for */
    struct seat_map map;
};
/* One for each date, in the order asked; *ret_occupancies in the arena. */
enum status claim_store_occupancy(struct ctx *ctx, struct db *db, const char *concert_id,
                                  const char *const dates[], size_t count,
                                  struct claim_occupancy **ret_occupancies) MUST_CHECK;

/* Their versions alone, which is much cheaper; in the order asked, in the arena. */
enum status claim_store_versions(struct ctx *ctx, struct db *db, const char *concert_id,
                                 const char *const dates[], size_t count,
                                 int64_t **ret_versions) MUST_CHECK;

enum { CHANGES_DATES_MAX = 64 }; /* of one question */

struct changes_since {
    const char *concert_id, *date;
    int64_t version;
};
struct changes {
    size_t asked; /* which of the dates asked for */
    struct seat_news news;
};
/* One for each date that has changed; in the arena. */
enum status claim_store_changes(struct ctx *ctx, struct db *db, const struct changes_since dates[],
                                size_t count, struct changes **ret_changes,
                                size_t *ret_count) MUST_CHECK;

#endif
