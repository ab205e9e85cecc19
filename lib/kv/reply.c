#include "kv/reply.h"

#include <assert.h>
#include <string.h>

#include <hiredis.h>

#include "base/checked.h"

/* Replies of ours are two deep at most; deeper ones are refused, so that recursion has a bound. */
enum { DEPTH_MAX = 8 };

struct error_class {
    const char *word;
    enum status status;
    bool ends_connection;
};

/* https://redis.io/docs/reference/protocol-spec/#simple-errors: the first word is the error's kind.
 */
static const struct error_class error_classes[] = {
    {"LOADING", ST_UNAVAILABLE, false},     /* reading its data after a start */
    {"READONLY", ST_UNAVAILABLE, true},     /* became a replica: find the new master */
    {"MASTERDOWN", ST_UNAVAILABLE, true},   /* a replica without its master */
    {"MOVED", ST_UNAVAILABLE, false},       /* another server of the cluster has the slot */
    {"ASK", ST_UNAVAILABLE, false},         /* is about to have it */
    {"CLUSTERDOWN", ST_UNAVAILABLE, false}, /* a slot nobody serves */
    {"TRYAGAIN", ST_UNAVAILABLE, false},    /* slots on the move */
    {"MISCONF", ST_UNAVAILABLE, false},     /* cannot write to its disk, so refuses writes */
    {"NOREPLICAS", ST_UNAVAILABLE, false},  /* too few replicas to accept a write */
    {"NOAUTH", ST_UNAVAILABLE, true},       /* the password was changed under way */
    {"OOM", ST_OVERLOADED, false},          /* maxmemory */
    {"BUSY", ST_OVERLOADED, false},         /* a script has run for too long */
};

static const struct error_class *find_class(const char *text)
{
    size_t word = strcspn(text, " ");
    for (size_t i = 0; i < ARRAY_LEN(error_classes); i++) {
        const struct error_class *class = &error_classes[i];
        if (strlen(class->word) == word && memcmp(class->word, text, word) == 0)
            return class;
    }
    return NULL;
}

enum status kv_classify_error(const char *text)
{
    const struct error_class *class = find_class(text);
    return class ? class->status : ST_INTERNAL;
}

bool kv_error_ends_connection(const char *text)
{
    const struct error_class *class = find_class(text);
    return class && class->ends_connection;
}

bool kv_error_is_noscript(const char *text)
{
    return strncmp(text, "NOSCRIPT", strlen("NOSCRIPT")) == 0;
}

static enum status copy_at(struct ctx *ctx, const struct redisReply *from, int depth,
                           struct kv_reply *to);

static enum status copy_array(struct ctx *ctx, const struct redisReply *from, int depth,
                              struct kv_reply *to)
{
    if (depth == DEPTH_MAX)
        return ctx_fail(ctx, ST_INTERNAL, "redis: reply is nested too deep");

    struct kv_reply *items = arena_calloc(ctx->arena, from->elements + 1, sizeof *items);
    if (!items)
        return ctx_fail(ctx, ST_OVERLOADED, "redis: reply does not fit the arena");
    for (size_t i = 0; i < from->elements; i++)
        TRY(copy_at(ctx, from->element[i], depth + 1, &items[i]));
    *to = (struct kv_reply){.kind = KV_ARRAY, .items = items, .item_count = from->elements};
    return ST_OK;
}

static enum status copy_text(struct ctx *ctx, const struct redisReply *from, struct kv_reply *to)
{
    char *text = arena_alloc(ctx->arena, from->len + 1);
    if (!text)
        return ctx_fail(ctx, ST_OVERLOADED, "redis: reply does not fit the arena");
    memcpy(text, from->str, from->len);
    text[from->len] = '\0';
    *to = (struct kv_reply){.kind = KV_TEXT, .text = text, .size = from->len};
    return ST_OK;
}

static enum status copy_at(struct ctx *ctx, const struct redisReply *from, int depth,
                           struct kv_reply *to)
{
    switch (from->type) {
    case REDIS_REPLY_INTEGER:
        *to = (struct kv_reply){.kind = KV_INTEGER, .integer = from->integer};
        return ST_OK;
    case REDIS_REPLY_NIL:
        *to = (struct kv_reply){.kind = KV_NIL};
        return ST_OK;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        return copy_text(ctx, from, to);
    case REDIS_REPLY_ARRAY:
        return copy_array(ctx, from, depth, to);
    case REDIS_REPLY_ERROR:
        return ctx_fail(ctx, kv_classify_error(from->str), "redis: %s", from->str);
    default:
        return ctx_fail(ctx, ST_INTERNAL, "redis: reply of unknown type %d", from->type);
    }
}

enum status kv_reply_copy(struct ctx *ctx, const struct redisReply *from,
                          struct kv_reply *ret_reply)
{
    struct kv_reply reply;
    TRY(copy_at(ctx, from, 0, &reply));
    *ret_reply = reply;
    return ST_OK;
}

int64_t kv_integer_at(const struct kv_reply *reply, size_t index)
{
    assert(reply->kind == KV_ARRAY && index < reply->item_count);
    const struct kv_reply *item = &reply->items[index];
    if (item->kind == KV_INTEGER)
        return item->integer;

    int64_t value = 0;
    bool is_integer = item->kind == KV_TEXT && base_parse_int64(item->text, &value);
    assert(is_integer);
    return value;
}

const char *kv_text_at(const struct kv_reply *reply, size_t index)
{
    assert(reply->kind == KV_ARRAY && index < reply->item_count);
    const struct kv_reply *item = &reply->items[index];
    assert(item->kind == KV_TEXT || item->kind == KV_NIL);
    return item->kind == KV_TEXT ? item->text : "";
}
