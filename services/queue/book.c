#include "book.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "ledger.h"
#include "log/log.h"

enum {
    OPEN_TRIES = 3,   /* a line that vanishes again and again is nobody's to wait for */
    LOG_PAGE = 256,   /* entries recorded in one statement */
    RESTORE_ARGS = 5, /* of one place */
    REJOIN_ARGS = 4,
};

/* line.lua, embedded by the build. */
extern const unsigned char queue_line_lua[];
static const struct kv_script line_script = {.name = "line", .lua = (const char *)queue_line_lua};

/* --- turns --- */

static void turn_init(struct turn *turn)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&turn->mutex, NULL);
    pthread_cond_init(&turn->given_back, &attributes);
    pthread_condattr_destroy(&attributes);
    turn->is_taken = false;
}

static void turn_done(struct turn *turn)
{
    pthread_cond_destroy(&turn->given_back);
    pthread_mutex_destroy(&turn->mutex);
}

static enum status turn_take(struct ctx *ctx, struct turn *turn)
{
    const struct timespec until = {
        .tv_sec = ctx->deadline_us / 1000000,
        .tv_nsec = ctx->deadline_us % 1000000 * 1000,
    };
    pthread_mutex_lock(&turn->mutex);
    while (turn->is_taken && !ctx_is_over(ctx))
        (void)pthread_cond_timedwait(&turn->given_back, &turn->mutex, &until);
    bool is_mine = !turn->is_taken;
    turn->is_taken = true;
    pthread_mutex_unlock(&turn->mutex);
    if (!is_mine)
        return ctx_fail(ctx, ST_TIMEOUT, "waited too long for another thread's work on the line");
    return ST_OK;
}

static void turn_give_back(struct turn **turn)
{
    pthread_mutex_lock(&(*turn)->mutex);
    (*turn)->is_taken = false;
    pthread_cond_signal(&(*turn)->given_back);
    pthread_mutex_unlock(&(*turn)->mutex);
}

static const char *number(struct ctx *ctx, int64_t value)
{
    return arena_printf(ctx->arena, "%lld", (long long)value);
}

/* Numbers that did not fit the arena are NULL. */
static enum status all_there(struct ctx *ctx, const char *const args[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!args[i])
            return ctx_fail(ctx, ST_OVERLOADED, "arguments do not fit the arena");
    }
    return ST_OK;
}

/* --- the table of queues --- */

static struct queue *find_known(struct queue_store *store, const char *name, uint64_t hash)
{
    for (size_t i = 0; i < store->queue_count; i++) {
        struct queue *queue = store->queues[i];
        if (queue->hash == hash && strcmp(queue->name, name) == 0)
            return queue;
    }
    return NULL;
}

static struct queue *new_queue(const char *name, uint64_t hash)
{
    static const char *const parts[LINE_KEYS] = {"meta",   "waiting", "active", "skipped",
                                                 "places", "seen",    "log",    "rate"};
    struct queue *queue = calloc(1, sizeof *queue);
    if (!queue)
        return NULL;
    snprintf(queue->name, sizeof queue->name, "%s", name);
    queue->hash = hash;
    queue->waiting_noted = -1;
    for (size_t i = 0; i < LINE_KEYS; i++) {
        snprintf(queue->key_texts[i], LINE_KEY_MAX, "line:{%s}:%s", name, parts[i]);
        queue->keys[i] = queue->key_texts[i];
    }
    turn_init(&queue->open_turn);
    turn_init(&queue->log_turn);
    pthread_mutex_init(&queue->figures_mutex, NULL);
    return queue;
}

void book_free_queue(struct queue **queue)
{
    turn_done(&(*queue)->open_turn);
    turn_done(&(*queue)->log_turn);
    pthread_mutex_destroy(&(*queue)->figures_mutex);
    free(*queue);
    *queue = NULL;
}

enum status book_find_queue(struct ctx *ctx, struct queue_store *store, const char *name,
                            struct queue **ret_queue)
{
    assert(name[0] != '\0' && strlen(name) <= LINE_NAME_MAX);
    uint64_t hash = base_hash64(name);
    pthread_mutex_lock(&store->mutex);
    struct queue *queue = find_known(store, name, hash);
    if (!queue && store->queue_count < QUEUES_MAX) {
        queue = new_queue(name, hash);
        if (queue)
            store->queues[store->queue_count++] = queue;
    }
    pthread_mutex_unlock(&store->mutex);
    if (!queue)
        return ctx_fail(ctx, ST_OVERLOADED, "more than %d queues", QUEUES_MAX);
    *ret_queue = queue;
    return ST_OK;
}

/* --- making a line --- */

/* One call of line.lua as it is. */
static enum status run_once(struct ctx *ctx, struct queue_store *store, struct queue *queue,
                            const char *const args[], size_t arg_count, struct kv_reply *ret_reply)
{
    struct kv_reply reply;
    TRY(kv_eval(ctx, store->kv, &line_script, queue->keys, LINE_KEYS, args, arg_count, &reply));
    assert(reply.kind == KV_ARRAY && reply.item_count >= 1);
    *ret_reply = reply;
    return ST_OK;
}

static bool is_no_line(const struct kv_reply *reply)
{
    return strcmp(kv_text_at(reply, 0), "NOLINE") == 0;
}

enum status book_policy_args(struct ctx *ctx, const struct policy *policy,
                             const char *ret_args[static POLICY_ARGS])
{
    const char *args[POLICY_ARGS] = {
        policy_kind_name(policy->kind),     number(ctx, policy->capacity),
        number(ctx, policy->admit_batch),   number(ctx, policy->admit_interval_ms),
        number(ctx, policy->active_ttl_ms), number(ctx, policy->absent_ms),
        policy->paused ? "1" : "0",
    };
    TRY(all_there(ctx, args, POLICY_ARGS));
    memcpy(ret_args, args, sizeof args);
    return ST_OK;
}

static enum status restore(struct ctx *ctx, struct queue_store *store, struct queue *queue,
                           struct place *const places[], size_t count)
{
    const char *args[1 + LEDGER_PAGE * RESTORE_ARGS] = {"restore"};
    size_t used = 1;
    assert(count <= LEDGER_PAGE);
    for (size_t i = 0; i < count; i++) {
        args[used++] = places[i]->user_id.text;
        args[used++] = places[i]->token_id.text;
        args[used++] = number(ctx, places[i]->sequence);
        args[used++] = number(ctx, places[i]->issued_at_unix_ms);
        args[used++] = number(ctx, places[i]->expires_at_unix_ms);
    }
    struct kv_reply reply;
    TRY(all_there(ctx, args, used));
    return run_once(ctx, store, queue, args, used, &reply);
}

/* Brings back whoever was admitted and has not ended, before anybody else can enter. */
static enum status restore_actives(struct ctx *ctx, struct queue_store *store, struct queue *queue)
{
    int64_t after = 0;
    for (;;) {
        size_t mark = arena_mark(ctx->arena);
        struct place *places;
        size_t count;
        TRY(ledger_list_active(ctx, store->db, queue->name, after, &places, &count));
        if (count == 0)
            return ST_OK;
        struct place *pointers[LEDGER_PAGE];
        for (size_t i = 0; i < count; i++)
            pointers[i] = &places[i];
        TRY(restore(ctx, store, queue, pointers, count));
        after = places[count - 1].sequence;
        arena_rewind(ctx->arena, mark);
    }
}

/* Under the queue's lock in PostgreSQL, so that one instance alone makes the line. */
static enum status make_line(struct ctx *ctx, struct queue_store *store, struct queue *queue)
{
    struct kv_reply reply;
    TRY(run_once(ctx, store, queue, (const char *const[]){"tick"}, 1, &reply));
    if (!is_no_line(&reply))
        return ST_OK; /* another instance was faster */

    struct ledger_line line;
    TRY(ledger_open(ctx, store->db, queue->name, BOOK_BLOCK, &line));
    if (line.epoch > 1)
        TRY(restore_actives(ctx, store, queue));

    const char *args[5 + POLICY_ARGS] = {
        "open",
        number(ctx, line.epoch),
        number(ctx, line.watermark - BOOK_BLOCK),
        number(ctx, line.watermark),
        number(ctx, line.waiting),
    };
    TRY(book_policy_args(ctx, line.has_policy ? &line.policy : &store->settings, args + 5));
    TRY(all_there(ctx, args, ARRAY_LEN(args)));
    TRY(run_once(ctx, store, queue, args, ARRAY_LEN(args), &reply));
    queue->seq_end = line.watermark;
    log_line(line.epoch > 1 ? LOG_WARN : LOG_INFO, ctx,
             "line %s opened: epoch %lld, numbers above %lld, %lld were waiting", queue->name,
             (long long)line.epoch, (long long)(line.watermark - BOOK_BLOCK),
             (long long)line.waiting);
    return ST_OK;
}

static enum status open_line(struct ctx *ctx, struct queue_store *store, struct queue *queue)
{
    TRY(turn_take(ctx, &queue->open_turn));
    struct turn *held scoped(turn_give_back) = &queue->open_turn;
    struct kv_reply reply;
    TRY(run_once(ctx, store, queue, (const char *const[]){"tick"}, 1, &reply));
    if (!is_no_line(&reply))
        return ST_OK;

    struct db_tx *tx scoped(db_end) = NULL;
    TRY(ledger_lock(ctx, store->db, queue->name, &tx));
    return make_line(ctx, store, queue);
}

enum status book_run(struct ctx *ctx, struct queue_store *store, struct queue *queue,
                     const char *const args[], size_t arg_count, struct kv_reply *ret_reply)
{
    for (int i = 0; i < OPEN_TRIES; i++) {
        struct kv_reply reply;
        TRY(run_once(ctx, store, queue, args, arg_count, &reply));
        if (!is_no_line(&reply)) {
            *ret_reply = reply;
            return ST_OK;
        }
        TRY(open_line(ctx, store, queue));
    }
    return ctx_fail(ctx, ST_UNAVAILABLE, "line %s vanishes as soon as it is made", queue->name);
}

enum status book_extend(struct ctx *ctx, struct queue_store *store, struct queue *queue,
                        int64_t seq_end)
{
    TRY(turn_take(ctx, &queue->open_turn));
    struct turn *held scoped(turn_give_back) = &queue->open_turn;
    if (queue->seq_end > seq_end)
        return ST_OK;

    int64_t watermark;
    TRY(ledger_reserve(ctx, store->db, queue->name, BOOK_BLOCK, &watermark));
    const char *args[] = {"extend", number(ctx, watermark)};
    struct kv_reply reply;
    TRY(all_there(ctx, args, ARRAY_LEN(args)));
    TRY(run_once(ctx, store, queue, args, ARRAY_LEN(args), &reply));
    queue->seq_end = watermark;
    return ST_OK;
}

/* --- the log --- */

/* The entries of a log_read reply as one JSON array. */
static enum status join_entries(struct ctx *ctx, const struct kv_reply *reply,
                                const char **ret_json)
{
    size_t size = 3;
    for (size_t i = 3; i < reply->item_count; i++)
        size += reply->items[i].size + 1;
    char *json = arena_alloc(ctx->arena, size);
    if (!json)
        return ctx_fail(ctx, ST_OVERLOADED, "log entries do not fit the arena");

    char *end = json;
    *end++ = '[';
    for (size_t i = 3; i < reply->item_count; i++) {
        if (i > 3)
            *end++ = ',';
        memcpy(end, reply->items[i].text, reply->items[i].size);
        end += reply->items[i].size;
    }
    *end++ = ']';
    *end = '\0';
    *ret_json = json;
    return ST_OK;
}

/* Records one page; *ret_full when there may be more. Under the log's turn. */
static enum status record_page(struct ctx *ctx, struct queue_store *store, struct queue *queue,
                               bool *ret_full)
{
    struct kv_reply reply;
    const char *read_args[] = {"log_read", number(ctx, LOG_PAGE)};
    TRY(all_there(ctx, read_args, ARRAY_LEN(read_args)));
    TRY(book_run(ctx, store, queue, read_args, ARRAY_LEN(read_args), &reply));
    int64_t epoch = kv_integer_at(&reply, 1);
    int64_t last = kv_integer_at(&reply, 2);
    size_t count = reply.item_count - 3;

    if (count > 0) {
        const char *json = NULL;
        TRY(join_entries(ctx, &reply, &json));
        TRY(ledger_append(ctx, store->db, queue->name, json));
        const char *done_args[] = {"log_done", number(ctx, epoch), number(ctx, last)};
        struct kv_reply done;
        TRY(all_there(ctx, done_args, ARRAY_LEN(done_args)));
        TRY(book_run(ctx, store, queue, done_args, ARRAY_LEN(done_args), &done));
    }
    queue->logged_epoch = epoch;
    queue->logged_entry = last;
    *ret_full = count == LOG_PAGE;
    return ST_OK;
}

enum status book_settle(struct ctx *ctx, struct queue_store *store, struct queue *queue,
                        int64_t epoch, int64_t entry)
{
    TRY(turn_take(ctx, &queue->log_turn));
    struct turn *held scoped(turn_give_back) = &queue->log_turn;
    for (bool full = true; full;) {
        if (queue->logged_epoch == epoch && queue->logged_entry >= entry)
            return ST_OK;
        size_t mark = arena_mark(ctx->arena);
        TRY(record_page(ctx, store, queue, &full));
        arena_rewind(ctx->arena, mark);
    }
    if (queue->logged_epoch == epoch && queue->logged_entry >= entry)
        return ST_OK;
    return ctx_fail(ctx, ST_UNAVAILABLE, "line %s was lost before its log was recorded",
                    queue->name);
}

enum status book_settle_all(struct ctx *ctx, struct queue_store *store, struct queue *queue)
{
    TRY(turn_take(ctx, &queue->log_turn));
    struct turn *held scoped(turn_give_back) = &queue->log_turn;
    for (bool full = true; full;) {
        size_t mark = arena_mark(ctx->arena);
        TRY(record_page(ctx, store, queue, &full));
        arena_rewind(ctx->arena, mark);
    }
    return ST_OK;
}

/* --- after a loss of Redis --- */

static enum status rejoin(struct ctx *ctx, struct queue_store *store, struct queue *queue,
                          struct place *const places[], size_t count)
{
    const char *args[1 + LEDGER_PAGE * REJOIN_ARGS] = {"rejoin"};
    size_t used = 1;
    for (size_t i = 0; i < count; i++) {
        args[used++] = places[i]->user_id.text;
        args[used++] = places[i]->token_id.text;
        args[used++] = number(ctx, places[i]->sequence);
        args[used++] = number(ctx, places[i]->issued_at_unix_ms);
    }
    struct kv_reply reply;
    TRY(all_there(ctx, args, used));
    return book_run(ctx, store, queue, args, used, &reply);
}

static enum status recover_page(struct ctx *ctx, struct queue_store *store, struct queue *queue,
                                struct place *const places[], size_t count)
{
    struct place *active[LEDGER_PAGE];
    struct place *waiting[LEDGER_PAGE];
    size_t active_count = 0;
    size_t waiting_count = 0;
    TRY(ledger_find(ctx, store->db, places, count));
    for (size_t i = 0; i < count; i++) {
        if (places[i]->status == PLACE_ACTIVE)
            active[active_count++] = places[i];
        else if (places[i]->status == PLACE_WAITING)
            waiting[waiting_count++] = places[i];
    }
    if (active_count > 0)
        TRY(restore(ctx, store, queue, active, active_count));
    if (waiting_count > 0)
        TRY(rejoin(ctx, store, queue, waiting, waiting_count));
    return ST_OK;
}

enum status book_recover(struct ctx *ctx, struct queue_store *store, struct queue *queue,
                         struct place *const places[], size_t count)
{
    /* An end that is not in the log yet must not be undone. */
    TRY(book_settle_all(ctx, store, queue));
    for (size_t from = 0; from < count; from += LEDGER_PAGE) {
        size_t left = count - from;
        TRY(recover_page(ctx, store, queue, places + from,
                         left < LEDGER_PAGE ? left : LEDGER_PAGE));
    }
    return ST_OK;
}
