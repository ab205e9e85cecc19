/* Token buckets (https://en.wikipedia.org/wiki/Token_bucket) for many keys in a bounded table: a
 * key fills at `rate` a second up to `burst`. Two keys that meet in one place push each other out,
 * which only ever grants more. */
#ifndef GATEWAY_LIMITER_H
#define GATEWAY_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

struct limiter;

enum { LIMITER_KEYS = 65536 };

/* Burst is twice the rate. Rate 0 grants everything. */
struct limiter *limiter_new(int64_t rate);
void limiter_free(struct limiter **limiter);
/* Takes one token of the key at the moment now_us; false when there is none. */
bool limiter_take(struct limiter *limiter, uint64_t key, int64_t now_us);

struct limiter_quota {
    int64_t burst; /* tokens of a full bucket; 0: nothing is limited, and the rest means nothing */
    int64_t remaining; /* tokens left now */
    int64_t fill_us;   /* until the bucket is full again, if nothing is taken */
};
/* The same, and what is left. */
bool limiter_take_of(struct limiter *limiter, uint64_t key, int64_t now_us,
                     struct limiter_quota *ret_quota);
enum { LIMITER_FULL_S = 2 }; /* in which an empty bucket fills: a burst of twice the rate */

#endif
