/* One Redis server: pipelined commands over a few connections. Private to lib/kv. */
#ifndef KV_NODE_H
#define KV_NODE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/combiner.h"
#include "kv/cluster.h"
#include "kv/connection.h"
#include "kv/kv.h"
#include "kv/script.h"
#include "kv/url.h"

struct kv_node {
    struct kv_url url;
    int64_t timeout_ms;
    size_t lane_count;
    struct kv_connection lanes[COMBINER_LANES_MAX];
    uint64_t noticed[COMBINER_LANES_MAX]; /* connect_count as each lane last saw it */
    atomic_uint_fast64_t connect_count;
    struct combiner *combiner;
    atomic_bool away; /* the loss has been logged, the return not yet */
    struct metrics_histogram *batch_size;
    struct metrics_histogram *round_trip_seconds;
    struct metrics_counter *connects;
};

/* The server of `url`, with the counts and times of `options`, whose URL is not looked at. NULL:
 * out of memory. */
struct kv_node *kv_node_new(const struct kv_url *url, const struct kv_options *options);
void kv_node_free(struct kv_node **node);

/* One command of a batch; lives on its caller's stack. */
struct kv_call {
    struct combiner_op op;
    struct ctx *ctx;
    const char **argv;
    size_t argc;
    const struct kv_script *script; /* NULL: a plain command */
    size_t process_index;           /* of the argument that is the server's process; 0: none */
    bool is_asking;                 /* a slot on the move: its new owner may serve it already */
    struct kv_reply *ret_reply;

    /* The answer beside the status. */
    struct kv_redirect redirect;
    bool may_have_run; /* sent, and the reply was lost */
    /* The node's own. */
    bool sent;
    bool forgotten; /* the script was not loaded: the command had no effect */
};

/* Runs it in some pipeline. A redirect is ST_UNAVAILABLE: the command had no effect here. */
enum status kv_node_run(struct kv_node *node, struct kv_call *call) MUST_CHECK;

#endif
