/* What changed on some dates since a version: the log that the claims themselves are. Every writer
 * of a date runs under its lock and takes a new version there, so a date's versions are committed
 * in ascending order: whoever has seen one has seen all before it (docs/decisions/0012). */
#ifndef RESERVATION_CHANGES_H
#define RESERVATION_CHANGES_H

#include <stddef.h>

#include "base/ctx.h"
#include "seats.h"

struct db;

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
