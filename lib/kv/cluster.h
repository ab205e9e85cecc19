/* What Redis Cluster says of where keys are (https://redis.io/docs/reference/cluster-spec/).
 * Private to lib/kv. */
#ifndef KV_CLUSTER_H
#define KV_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "kv/kv.h"
#include "kv/url.h"

enum { KV_SLOTS = 16384 };

/* The slot of a key: CRC16 of its hash tag, or of all of it. */
uint16_t kv_slot(const char *key);

/* "MOVED 3999 127.0.0.1:6381": the slot has another owner. "ASK ...": it is moving there, this
 * command alone is to go there. */
struct kv_redirect {
    enum { KV_STAY, KV_MOVED, KV_ASK } kind;
    uint16_t slot;
    struct kv_address address; /* host "": the host that was asked */
};
/* KV_STAY for any other text. */
struct kv_redirect kv_redirect_parse(const char *text);

/* Who owns which slots: an entry of the reply to CLUSTER SLOTS. False when it is none. */
struct kv_slots {
    uint16_t first, last;
    struct kv_address master;
};
bool kv_slots_read(const struct kv_reply *entry, struct kv_slots *ret_slots);

#endif
