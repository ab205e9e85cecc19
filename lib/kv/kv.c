#include "kv/kv.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "kv/cluster.h"
#include "kv/node.h"
#include "kv/script.h"
#include "kv/url.h"
#include "log/log.h"
#include "trace/trace.h"

enum {
    NODES_MAX = 64,
    TRIES_MAX = 5,        /* of one command: redirects, and after asking for the slots anew */
    SLOTS_EVERY_MS = 200, /* how often the slots are asked for while a server is away */
    SLOTS_ARENA = 128 * 1024,
    SLOTS_TIMEOUT_MS = 1000,
};

struct kv {
    struct kv_options options;
    struct kv_url url;
    pthread_mutex_t mutex; /* guards the growth of nodes */
    _Atomic(size_t) node_count;
    struct kv_node *nodes[NODES_MAX]; /* never removed */
    atomic_bool is_cluster;
    atomic_uchar owners[KV_SLOTS]; /* node of each slot; the first one until a redirect */
    pthread_mutex_t slots_mutex;   /* one thread asks for the slots */
    int64_t slots_at_us;
    struct kv_scripts scripts;
    atomic_uint_fast64_t turn; /* spreads calls without a key over the lanes */
};

/* --- nodes --- */

static bool is_at(const struct kv_node *node, const struct kv_address *address)
{
    return node->url.port == address->port && strcmp(node->url.host, address->host) == 0;
}

/* The node of that address, known from now on; -1 when there are too many. */
static int find_node(struct kv *kv, const struct kv_address *address)
{
    int found = -1;
    pthread_mutex_lock(&kv->mutex);
    size_t count = atomic_load(&kv->node_count);
    for (size_t i = 0; i < count && found < 0; i++) {
        if (is_at(kv->nodes[i], address))
            found = (int)i;
    }
    if (found < 0 && count < NODES_MAX) {
        struct kv_url url = kv->url;
        memcpy(url.host, address->host, sizeof url.host);
        url.port = address->port;
        kv->nodes[count] = kv_node_new(&url, &kv->options);
        if (kv->nodes[count]) {
            found = (int)count;
            atomic_store(&kv->node_count, count + 1);
        }
        explicit_bzero(url.password, sizeof url.password);
    }
    pthread_mutex_unlock(&kv->mutex);
    return found;
}

/* An address without a host is at the host of whoever told it. */
static int find_told(struct kv *kv, struct kv_address address, const struct kv_node *teller)
{
    if (address.host[0] == '\0')
        memcpy(address.host, teller->url.host, sizeof address.host);
    return find_node(kv, &address);
}

/* --- slots --- */

static void learn_slots(struct kv *kv, const struct kv_reply *reply, const struct kv_node *teller)
{
    for (size_t i = 0; reply->kind == KV_ARRAY && i < reply->item_count; i++) {
        struct kv_slots slots;
        if (!kv_slots_read(&reply->items[i], &slots))
            continue;
        int node = find_told(kv, slots.master, teller);
        for (unsigned int slot = slots.first; node >= 0 && slot <= slots.last; slot++)
            atomic_store(&kv->owners[slot], (unsigned char)node);
    }
}

/* In memory and time of its own, as the caller's may be short. */
static bool ask_slots(struct kv *kv, struct kv_node *node)
{
    void *block = malloc(SLOTS_ARENA);
    if (!block)
        return false;
    struct arena arena;
    struct ctx ctx;
    struct kv_reply reply = {.kind = KV_NIL};
    const char *argv[] = {"CLUSTER", "SLOTS"};
    arena_init(&arena, block, SLOTS_ARENA);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, SLOTS_TIMEOUT_MS);
    struct kv_call call = {.op.key = 0, .ctx = &ctx, .argv = argv, .argc = 2, .ret_reply = &reply};
    bool answered = kv_node_run(node, &call) == ST_OK;
    if (answered)
        learn_slots(kv, &reply, node);
    free(block);
    return answered;
}

/* Who has which slots by now, asked of anybody but `away`, by one thread at a time. */
static void renew_slots(struct kv *kv, const struct kv_node *away)
{
    pthread_mutex_lock(&kv->slots_mutex);
    int64_t now_us = clock_monotonic_us();
    bool is_done = now_us - kv->slots_at_us < SLOTS_EVERY_MS * 1000;
    if (!is_done)
        kv->slots_at_us = now_us;
    size_t count = atomic_load(&kv->node_count);
    size_t first = (size_t)atomic_fetch_add(&kv->turn, 1);
    for (size_t i = 0; i < count && !is_done; i++) {
        struct kv_node *node = kv->nodes[(first + i) % count];
        is_done = node != away && ask_slots(kv, node);
    }
    pthread_mutex_unlock(&kv->slots_mutex);
}

/* --- life --- */

enum status kv_new(const struct kv_options *options, struct kv **ret_kv)
{
    struct kv_url url;
    TRY(kv_url_parse(options->url, &url));

    struct kv *kv = calloc(1, sizeof *kv);
    if (!kv)
        return ST_OVERLOADED;
    kv->options = *options;
    kv->options.url = NULL;
    kv->url = url;
    pthread_mutex_init(&kv->mutex, NULL);
    pthread_mutex_init(&kv->slots_mutex, NULL);
    kv_scripts_init(&kv->scripts);
    /* Far enough back for the first asking. */
    kv->slots_at_us = clock_monotonic_us() - SLOTS_EVERY_MS * 1000;
    struct kv_address first = {.port = url.port};
    memcpy(first.host, url.host, sizeof first.host);
    bool found = find_node(kv, &first) >= 0;
    for (size_t i = 0; i < url.more_count && found; i++)
        found = find_node(kv, &url.more[i]) >= 0;
    atomic_store(&kv->is_cluster, url.more_count > 0);
    explicit_bzero(url.password, sizeof url.password);
    *ret_kv = kv;
    if (!found) {
        kv_free(ret_kv);
        return ST_OVERLOADED;
    }
    return ST_OK;
}

void kv_free(struct kv **kv)
{
    struct kv *self = *kv;
    if (!self)
        return;
    for (size_t i = 0; i < NODES_MAX; i++)
        kv_node_free(&self->nodes[i]);
    kv_scripts_done(&self->scripts);
    pthread_mutex_destroy(&self->slots_mutex);
    pthread_mutex_destroy(&self->mutex);
    explicit_bzero(self->url.password, sizeof self->url.password);
    free(self);
    *kv = NULL;
}

/* --- commands --- */

/* Where to send it next; NULL: nowhere. */
static struct kv_node *follow(struct kv *kv, struct kv_call *call, const struct kv_node *asked,
                              int slot)
{
    if (call->redirect.kind != KV_STAY) {
        atomic_store(&kv->is_cluster, true);
        int node = find_told(kv, call->redirect.address, asked);
        if (node < 0)
            return NULL;
        call->is_asking = call->redirect.kind == KV_ASK;
        if (!call->is_asking)
            atomic_store(&kv->owners[call->redirect.slot], (unsigned char)node);
        return kv->nodes[node];
    }
    if (!atomic_load(&kv->is_cluster) || slot < 0)
        return NULL;
    renew_slots(kv, asked);
    struct kv_node *owner = kv->nodes[atomic_load(&kv->owners[slot])];
    call->is_asking = false;
    return owner != asked && !call->may_have_run ? owner : NULL;
}

/* `place` is the Redis key the command is about; NULL: it may go anywhere. */
static enum status run(struct kv *kv, struct kv_call *call, const char *place)
{
    int slot = place && atomic_load(&kv->is_cluster) ? kv_slot(place) : -1;
    struct kv_node *node = kv->nodes[slot < 0 ? 0 : atomic_load(&kv->owners[slot])];
    enum status status = ST_UNAVAILABLE;
    const int64_t started_us = clock_monotonic_us();
    assert(call->ctx->arena && call->argc >= 1);
    for (int i = 0; i < TRIES_MAX; i++) {
        status = kv_node_run(node, call);
        if (status != ST_UNAVAILABLE) /* the answer, or nothing that another server does better */
            break;
        struct kv_node *next = follow(kv, call, node, slot);
        if (!next)
            break;
        node = next;
    }
    /* Never its arguments, which may be anything. */
    trace_step(call->ctx, TRACE_CLIENT, call->script != NULL ? "redis script" : call->argv[0],
               started_us, status);
    return status;
}

enum status kv_command(struct ctx *ctx, struct kv *kv, uint64_t key, const char *const argv[],
                       size_t argc, struct kv_reply *ret_reply)
{
    struct kv_call call = {
        .op.key = key,
        .ctx = ctx,
        .argv = arena_memdup(ctx->arena, argv, argc * sizeof *argv),
        .argc = argc,
        .ret_reply = ret_reply,
    };
    if (!call.argv)
        return ctx_fail(ctx, ST_OVERLOADED, "redis: arguments do not fit the arena");
    return run(kv, &call, argc > 1 ? argv[1] : NULL);
}

enum status kv_eval(struct ctx *ctx, struct kv *kv, const struct kv_script *script,
                    const char *const keys[], size_t key_count, const char *const args[],
                    size_t arg_count, struct kv_reply *ret_reply)
{
    enum { HEAD = 3 };
    assert(key_count + arg_count <= KV_ARGS_MAX);
    size_t tail = HEAD + key_count + (script->tells_process ? 1 : 0);
    const char **argv = arena_calloc(ctx->arena, tail + arg_count, sizeof *argv);
    char *key_number = arena_printf(ctx->arena, "%zu", key_count);
    if (!argv || !key_number)
        return ctx_fail(ctx, ST_OVERLOADED, "redis: arguments do not fit the arena");

    argv[0] = "EVALSHA";
    argv[1] = kv_scripts_hash(&kv->scripts, script);
    argv[2] = key_number;
    memcpy(argv + HEAD, keys, key_count * sizeof *argv);
    if (arg_count > 0)
        memcpy(argv + tail, args, arg_count * sizeof *argv);
    struct kv_call call = {
        /* A script's order is Redis' own, so any lane will do: the next one. */
        .op.key = atomic_fetch_add(&kv->turn, 1),
        .ctx = ctx,
        .argv = argv,
        .argc = tail + arg_count,
        .script = script,
        .process_index = script->tells_process ? HEAD + key_count : 0,
        .ret_reply = ret_reply,
    };
    return run(kv, &call, key_count > 0 ? keys[0] : NULL);
}

enum status kv_ping(struct ctx *ctx, struct kv *kv)
{
    const char *argv[] = {"PING"};
    struct kv_reply reply;
    enum status status = ST_UNAVAILABLE;
    size_t count = atomic_load(&kv->node_count);
    /* Of a cluster, any server that answers. */
    for (size_t i = 0; i < count && status == ST_UNAVAILABLE; i++) {
        struct kv_call call = {.op.key = atomic_fetch_add(&kv->turn, 1),
                               .ctx = ctx,
                               .argv = argv,
                               .argc = 1,
                               .ret_reply = &reply};
        status = kv_node_run(kv->nodes[i], &call);
    }
    return status;
}
