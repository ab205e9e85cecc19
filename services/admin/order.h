/* The proof of order: what the admission log of one queue says of who was let in, and when. */
#ifndef ADMIN_ORDER_H
#define ADMIN_ORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"

struct order_report {
    int64_t admitted;
    int64_t in_turn;        /* the lowest number of all who were there */
    int64_t returned;       /* late, by their own absence or by a loss of Redis */
    int64_t skipped;        /* passed over as absent at least once ... */
    int64_t skipped_lapsed; /* ... and never came back */
    /* Admitted in turn after a higher number was, or as returned without having been away. */
    int64_t inversions;
};

/* Reads the log as of one moment. With `list`, every admission and skip is printed to it in the
 * order in which they happened. ST_QUEUE_NOT_FOUND when the log's database has no such queue. */
enum status order_verify(struct ctx *ctx, const char *url, const char *queue, FILE *list,
                         struct order_report *ret_report) MUST_CHECK;

#endif
