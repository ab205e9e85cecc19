/* What readers see: a concert's dates with their seats as of one moment.
 *
 * However many want the same thing at once, one of them asks for all (single flight), and a
 * question is asked at most every MOMENT_SPACE_MS. What is known is asked about by its versions
 * alone, which costs a step down an index; the seats themselves are read when one of them has
 * changed, and the catalog when what is known of it is MOMENT_KEEP_MS old. So a crowd before one
 * hot date costs one small question a moment, however large it is.
 *
 * Nobody is shown less than what was committed before they asked: a read waits for a flight that
 * began after it came. (docs/decisions/0026) */
#ifndef CONCERT_MOMENTS_H
#define CONCERT_MOMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "catalog.h"
#include "peers.h"

struct db;
struct moments;

enum {
    MOMENT_KEEP_MS = 200,
    MOMENT_SPACE_MS = 10,
    MOMENTS_MAX = 256,                    /* different questions kept */
    MOMENTS_BYTES_MAX = 32 * 1024 * 1024, /* of all that are kept */
    MOMENT_ETAG_SIZE = 33,                /* 32 hexadecimal digits and the NUL */
};

/* Never changes; many readers hold the same one. */
struct moment {
    size_t date_count;
    const struct catalog_date *dates;
    const struct catalog_occupancy *occupancies; /* of each date */
    char etag[MOMENT_ETAG_SIZE];                 /* of all of it */
    char queue[CATALOG_QUEUE_MAX + 1];           /* the line in front of the concert */
    /* The cache's own. */
    int references;
    int64_t read_us; /* when the catalog was read for it */
    size_t size;
};

struct moment_question {
    const char *concert_id;
    const char *from, *through; /* dates; `through` is "" for no end */
    size_t dates_max;
};

/* db and reservation are borrowed. */
struct moments *moments_new(struct db *db, struct rpc_client *reservation);
void moments_free(struct moments **moments);

/* ST_CONCERT_NOT_FOUND; any failure of the store or of the reservation service, told to all who
 * wait for the same question; ST_TIMEOUT when the deadline comes first. *ret_moment is the caller's
 * to release. */
enum status moments_see(struct ctx *ctx, struct moments *moments,
                        const struct moment_question *question,
                        struct moment **ret_moment) MUST_CHECK;
void moment_release(struct moment **moment);
/* The concert's catalog has changed: nobody who asks here from now on is shown what was before. */
void moments_forget(struct moments *moments, const char *concert_id);

#endif
