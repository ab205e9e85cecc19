/* Readers who watch a date's seats by a server stream. One publisher an instance asks the store
 * what changed on all watched dates, once for everybody, and sends it to each reader; no stream
 * holds a worker, and nobody who writes pays for those who watch (docs/decisions/0012). */
#ifndef RESERVATION_WATCH_H
#define RESERVATION_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "rpc/method.h"

struct db;
struct seat_watch;

enum {
    WATCHES_MAX = 16384,       /* streams of an instance */
    WATCH_DATES_MAX = 1024,    /* different dates watched on an instance */
    WATCH_CHANGES_MAX = 256,   /* seats of one delta; with more the whole map is smaller */
    WATCH_ROUND_MS_MAX = 2000, /* deadline of one look at the store */
};

/* Looks every interval_ms while anybody watches; db is borrowed. */
struct seat_watch *seat_watch_start(struct db *db, int64_t interval_ms);
/* Ends every stream with ST_UNAVAILABLE, so that its reader comes back by another instance, and
 * refuses new ones. */
void seat_watch_close(struct seat_watch *watch);
/* Closes and frees, after the last seat_watch_add has returned. */
void seat_watch_stop(struct seat_watch **watch);

/* Takes over the stream; its first message, all seats of the date, comes by itself. ST_OVERLOADED
 * with WATCHES_MAX others, ST_UNAVAILABLE when closed; the stream is not taken then. */
enum status seat_watch_add(struct ctx *ctx, struct seat_watch *watch, const char *concert_id,
                           const char *date, struct rpc_stream *stream) MUST_CHECK;

#endif
