#include "store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "book.h"
#include "ledger.h"
#include "log/log.h"
#include "metrics/metrics.h"

enum {
    ISSUE_TRIES = 3,      /* each after reserving numbers */
    LOOK_ROUNDS = 3,      /* each after bringing places back */
    DESCRIBED = 4,        /* values of one place in a reply */
    LOOK_ARGS = 3,        /* of one place */
    IDLE_TICK_MS = 1000,  /* how often an empty line is looked at */
    LIST_EVERY_MS = 5000, /* how soon lines that other instances made are found */
    LINES_IN_ARENA = 256,
};

struct queue_store *queue_store_new(struct kv *kv, struct db *db, const struct policy *settings)
{
    struct queue_store *store = calloc(1, sizeof *store);
    assert(store);
    store->kv = kv;
    store->db = db;
    store->settings = *settings;
    pthread_mutex_init(&store->mutex, NULL);
    return store;
}

void queue_store_free(struct queue_store **store)
{
    struct queue_store *self = *store;
    if (!self)
        return;
    for (size_t i = 0; i < self->queue_count; i++)
        book_free_queue(&self->queues[i]);
    pthread_mutex_destroy(&self->mutex);
    free(self);
    *store = NULL;
}

/* Reads the values that line.lua's describe() appended from `index` on. */
static char read_described(const struct kv_reply *reply, size_t index, struct place *place,
                           int64_t *entry)
{
    char status = kv_text_at(reply, index)[0];
    place->position = 0;
    place->expires_at_unix_ms = 0;
    if (kv_integer_at(reply, index + 3) > *entry)
        *entry = kv_integer_at(reply, index + 3);
    switch (status) {
    case 'W':
        place->status = PLACE_WAITING;
        place->position = kv_integer_at(reply, index + 1);
        break;
    case 'A':
        place->status = PLACE_ACTIVE;
        place->expires_at_unix_ms = kv_integer_at(reply, index + 2);
        break;
    case 'U':
        place->status = PLACE_UNKNOWN;
        break;
    default:
        place->status = PLACE_EXPIRED;
        break;
    }
    return status;
}

static void read_issued(const struct kv_reply *reply, const struct queue *queue,
                        const struct uuid *user_id, struct place *place, int64_t *entry)
{
    *place = (struct place){
        .user_id = *user_id,
        .sequence = kv_integer_at(reply, 4),
        .issued_at_unix_ms = kv_integer_at(reply, 5),
    };
    bool is_uuid = uuid_parse(kv_text_at(reply, 3), &place->token_id);
    assert(is_uuid);
    snprintf(place->queue, sizeof place->queue, "%s", queue->name);
    (void)read_described(reply, 6, place, entry);
}

enum status queue_store_issue(struct ctx *ctx, struct queue_store *store, const char *queue_name,
                              const struct uuid *user_id, const struct uuid *token_id,
                              struct place *ret_place, bool *ret_created)
{
    const char *args[] = {"issue", user_id->text, token_id->text};
    struct queue *queue;
    TRY(book_find_queue(ctx, store, queue_name, &queue));

    for (int i = 0; i < ISSUE_TRIES; i++) {
        struct kv_reply reply;
        TRY(book_run(ctx, store, queue, args, ARRAY_LEN(args), &reply));
        if (strcmp(kv_text_at(&reply, 0), "BLOCK") == 0) {
            TRY(book_extend(ctx, store, queue, kv_integer_at(&reply, 1)));
            continue;
        }
        struct place place;
        int64_t entry = 0;
        read_issued(&reply, queue, user_id, &place, &entry);
        if (entry > 0)
            TRY(book_settle(ctx, store, queue, kv_integer_at(&reply, 1), entry));
        *ret_place = place;
        *ret_created = kv_integer_at(&reply, 2) != 0;
        return ST_OK;
    }
    return ctx_fail(ctx, ST_UNAVAILABLE, "numbers of line %s run out faster than they are reserved",
                    queue->name);
}

/* One round: fills the places, moves those from before a loss of Redis to `lost`. */
static enum status look_once(struct ctx *ctx, struct queue_store *store, struct queue *queue,
                             struct place *const places[], size_t count, bool is_present,
                             struct place *lost[], size_t *ret_lost_count)
{
    const char **args = arena_calloc(ctx->arena, 2 + count * LOOK_ARGS, sizeof *args);
    if (!args)
        return ctx_fail(ctx, ST_OVERLOADED, "arguments do not fit the arena");
    size_t used = 0;
    args[used++] = "look";
    args[used++] = is_present ? "1" : "0";
    for (size_t i = 0; i < count; i++) {
        args[used++] = places[i]->user_id.text;
        args[used++] = places[i]->token_id.text;
        args[used++] = arena_printf(ctx->arena, "%lld", (long long)places[i]->sequence);
        if (!args[used - 1])
            return ctx_fail(ctx, ST_OVERLOADED, "arguments do not fit the arena");
    }

    struct kv_reply reply;
    TRY(book_run(ctx, store, queue, args, used, &reply));
    assert(reply.item_count == 2 + count * DESCRIBED);
    int64_t entry = 0;
    size_t lost_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (read_described(&reply, 2 + i * DESCRIBED, places[i], &entry) == 'O')
            lost[lost_count++] = places[i];
    }
    *ret_lost_count = lost_count;
    return entry > 0 ? book_settle(ctx, store, queue, kv_integer_at(&reply, 1), entry) : ST_OK;
}

enum status queue_store_look(struct ctx *ctx, struct queue_store *store, const char *queue_name,
                             struct place *const places[], size_t count, bool is_present)
{
    struct place *asked[LOOK_MAX];
    struct place *lost[LOOK_MAX];
    struct queue *queue;
    assert(count >= 1 && count <= LOOK_MAX);
    memcpy(asked, places, count * sizeof *asked);
    TRY(book_find_queue(ctx, store, queue_name, &queue));

    for (int i = 0; i < LOOK_ROUNDS; i++) {
        size_t lost_count = 0;
        TRY(look_once(ctx, store, queue, asked, count, is_present, lost, &lost_count));
        if (lost_count == 0)
            return ST_OK;
        TRY(book_recover(ctx, store, queue, lost, lost_count));
        count = 0;
        for (size_t k = 0; k < lost_count; k++) {
            if (lost[k]->status != PLACE_EXPIRED)
                asked[count++] = lost[k];
        }
        if (count == 0)
            return ST_OK;
    }
    return ctx_fail(ctx, ST_UNAVAILABLE, "places of line %s do not come back", queue->name);
}

/* The place is not in Redis, but may have been before it was lost: the log decides, and records the
 * end. */
static enum status expire_lost(struct ctx *ctx, struct queue_store *store, struct queue *queue,
                               const char *const args[], size_t arg_count, bool *ret_expired)
{
    struct place place = {0};
    struct place *one = &place;
    bool is_uuid = uuid_parse(args[2], &place.token_id);
    assert(is_uuid);
    TRY(ledger_find(ctx, store->db, &one, 1));
    *ret_expired = false;
    if (place.status == PLACE_EXPIRED)
        return ST_OK;

    const char *bury[] = {"bury", args[1], args[2], args[arg_count - 1]};
    struct kv_reply reply;
    TRY(book_run(ctx, store, queue, bury, ARRAY_LEN(bury), &reply));
    *ret_expired = true;
    return book_settle(ctx, store, queue, kv_integer_at(&reply, 1), kv_integer_at(&reply, 2));
}

enum status queue_store_expire(struct ctx *ctx, struct queue_store *store, const char *queue_name,
                               const struct uuid *user_id, const struct uuid *token_id,
                               enum expire_reason reason, bool *ret_expired)
{
    const char *args[] = {"expire", user_id->text, token_id->text,
                          reason == EXPIRE_PAID ? "PAID" : "LEFT"};
    struct queue *queue;
    struct kv_reply reply;
    TRY(book_find_queue(ctx, store, queue_name, &queue));
    TRY(book_run(ctx, store, queue, args, ARRAY_LEN(args), &reply));
    if (kv_integer_at(&reply, 4) != 0)
        return expire_lost(ctx, store, queue, args, ARRAY_LEN(args), ret_expired);
    bool expired = kv_integer_at(&reply, 2) != 0;
    if (expired)
        TRY(book_settle(ctx, store, queue, kv_integer_at(&reply, 1), kv_integer_at(&reply, 3)));
    *ret_expired = expired;
    return ST_OK;
}

static enum status apply_policy(struct ctx *ctx, struct queue_store *store, struct queue *queue,
                                const struct policy *policy)
{
    const char *args[1 + POLICY_ARGS] = {"policy"};
    struct kv_reply reply;
    TRY(book_policy_args(ctx, policy, args + 1));
    return book_run(ctx, store, queue, args, ARRAY_LEN(args), &reply);
}

enum status queue_store_set_policy(struct ctx *ctx, struct queue_store *store,
                                   const char *queue_name, const struct policy *policy)
{
    struct queue *queue;
    struct line_figures figures;
    TRY(book_find_queue(ctx, store, queue_name, &queue));
    /* Makes the line, and with it its row, when the queue is new. */
    TRY(queue_store_figures(ctx, store, queue_name, &figures));
    /* PostgreSQL first: if Redis fails now, the tick of any instance started later still applies
     * it. */
    TRY(ledger_set_policy(ctx, store->db, queue->name, policy));
    TRY(apply_policy(ctx, store, queue, policy));

    pthread_mutex_lock(&queue->figures_mutex);
    queue->figures.policy = *policy;
    queue->settings_applied = true;
    pthread_mutex_unlock(&queue->figures_mutex);
    return ST_OK;
}

/* What a tick answers beside the figures. */
struct tick {
    struct line_figures figures;
    int64_t seq_end;
    int64_t unrecorded; /* log entries */
    int64_t
        expected; /* waiting, those included that are still to come back after a loss of Redis */
};

static void read_tick(const struct kv_reply *reply, struct tick *tick)
{
    *tick = (struct tick){
        .seq_end = kv_integer_at(reply, 3),
        .unrecorded = kv_integer_at(reply, 4) - kv_integer_at(reply, 5),
        .expected = kv_integer_at(reply, 20),
        .figures =
            {
                .epoch = kv_integer_at(reply, 1),
                .last_sequence = kv_integer_at(reply, 2),
                .admitted_total = kv_integer_at(reply, 6),
                .skipped_total = kv_integer_at(reply, 7),
                .waiting = kv_integer_at(reply, 8),
                .active = kv_integer_at(reply, 9),
                .admission_rate_milli = kv_integer_at(reply, 10),
                .advance_rate_milli = kv_integer_at(reply, 11),
                .oldest_wait_ms = kv_integer_at(reply, 12),
                .policy =
                    {
                        .capacity = kv_integer_at(reply, 14),
                        .admit_batch = kv_integer_at(reply, 15),
                        .admit_interval_ms = kv_integer_at(reply, 16),
                        .active_ttl_ms = kv_integer_at(reply, 17),
                        .absent_ms = kv_integer_at(reply, 18),
                        .paused = kv_integer_at(reply, 19) != 0,
                    },
            },
    };
    bool is_known = policy_kind_from_name(kv_text_at(reply, 13), &tick->figures.policy.kind);
    assert(is_known);
}

static enum status tick_line(struct ctx *ctx, struct queue_store *store, struct queue *queue,
                             struct tick *ret_tick)
{
    struct kv_reply reply;
    TRY(book_run(ctx, store, queue, (const char *const[]){"tick"}, 1, &reply));
    read_tick(&reply, ret_tick);
    pthread_mutex_lock(&queue->figures_mutex);
    queue->figures = ret_tick->figures;
    queue->figures_at_us = clock_monotonic_us();
    pthread_mutex_unlock(&queue->figures_mutex);
    return ST_OK;
}

enum status queue_store_figures(struct ctx *ctx, struct queue_store *store, const char *queue_name,
                                struct line_figures *ret_figures)
{
    struct queue *queue;
    struct tick tick;
    TRY(book_find_queue(ctx, store, queue_name, &queue));
    TRY(tick_line(ctx, store, queue, &tick));
    *ret_figures = tick.figures;
    return ST_OK;
}

enum status queue_store_recent_figures(struct ctx *ctx, struct queue_store *store,
                                       const char *queue_name, struct line_figures *ret_figures)
{
    struct queue *queue;
    TRY(book_find_queue(ctx, store, queue_name, &queue));
    pthread_mutex_lock(&queue->figures_mutex);
    struct line_figures figures = queue->figures;
    int64_t read_at_us = queue->figures_at_us;
    pthread_mutex_unlock(&queue->figures_mutex);
    if (read_at_us == 0 || clock_monotonic_us() - read_at_us > FIGURES_AGE_MAX_MS * 1000)
        return queue_store_figures(ctx, store, queue_name, ret_figures);
    *ret_figures = figures;
    return ST_OK;
}

/* --- what time does --- */

static void publish(const struct queue *queue, const struct line_figures *figures)
{
    char labels[LINE_NAME_MAX + 16];
    snprintf(labels, sizeof labels, "queue=\"%s\"", queue->name);
    metrics_set(metrics_gauge("queue_waiting", labels, "Users waiting."), figures->waiting);
    metrics_set(metrics_gauge("queue_active", labels, "Users admitted and not done."),
                figures->active);
    metrics_set(metrics_gauge("queue_admitted", labels, "Users admitted in this epoch."),
                figures->admitted_total);
    metrics_set(
        metrics_gauge("queue_skipped", labels, "Users passed over as absent in this epoch."),
        figures->skipped_total);
    metrics_set(metrics_gauge("queue_admission_rate_milli", labels,
                              "Admissions a second over the last minute, times 1000."),
                figures->admission_rate_milli);
    metrics_set(metrics_gauge("queue_oldest_wait_seconds", labels,
                              "How long the first of the line has waited."),
                figures->oldest_wait_ms / 1000);
    metrics_set(metrics_gauge("queue_epoch", labels, "Grows whenever the line was made anew."),
                figures->epoch);
}

static enum status tick_queue(struct ctx *ctx, struct queue_store *store, struct queue *queue)
{
    int64_t now_us = clock_monotonic_us();
    if (now_us < queue->idle_until_us)
        return ST_OK;

    struct tick tick;
    TRY(tick_line(ctx, store, queue, &tick));
    const struct line_figures *figures = &tick.figures;
    bool is_idle = figures->waiting == 0 && figures->active == 0 && tick.unrecorded == 0;
    queue->idle_until_us = is_idle ? now_us + IDLE_TICK_MS * 1000 : 0;
    publish(queue, figures);
    if (tick.unrecorded > 0)
        TRY(book_settle_all(ctx, store, queue));
    if (tick.seq_end - figures->last_sequence < BOOK_BLOCK / 2)
        TRY(book_extend(ctx, store, queue, tick.seq_end));
    if (tick.expected != queue->waiting_noted) {
        TRY(ledger_note_waiting(ctx, store->db, queue->name, tick.expected));
        queue->waiting_noted = tick.expected;
    }
    return ST_OK;
}

/* Learns of lines that other instances made, and once a process and line puts its policy in force:
 * settings may have changed with the restart, and an operator's policy may not have reached Redis.
 */
static enum status meet_lines(struct ctx *ctx, struct queue_store *store)
{
    struct ledger_line *lines;
    size_t count;
    TRY(ledger_list(ctx, store->db, QUEUES_MAX, &lines, &count));
    for (size_t i = 0; i < count; i++) {
        size_t mark = arena_mark(ctx->arena);
        struct queue *queue;
        TRY(book_find_queue(ctx, store, lines[i].queue, &queue));
        pthread_mutex_lock(&queue->figures_mutex);
        bool is_applied = queue->settings_applied;
        queue->settings_applied = true;
        pthread_mutex_unlock(&queue->figures_mutex);
        if (is_applied)
            continue;
        enum status status = apply_policy(
            ctx, store, queue, lines[i].has_policy ? &lines[i].policy : &store->settings);
        if (status != ST_OK) {
            pthread_mutex_lock(&queue->figures_mutex);
            queue->settings_applied = false;
            pthread_mutex_unlock(&queue->figures_mutex);
            return status;
        }
        arena_rewind(ctx->arena, mark);
    }
    store->listed_at_us = clock_monotonic_us();
    return ST_OK;
}

void queue_store_tick(struct ctx *ctx, struct queue_store *store)
{
    int64_t since_us = clock_monotonic_us() - store->listed_at_us;
    if ((store->listed_at_us == 0 || since_us > LIST_EVERY_MS * 1000) &&
        meet_lines(ctx, store) != ST_OK)
        ctx_forgive(ctx); /* readiness tells; the known lines go on */

    pthread_mutex_lock(&store->mutex);
    size_t count = store->queue_count;
    pthread_mutex_unlock(&store->mutex);
    for (size_t i = 0; i < count && !ctx_is_over(ctx); i++) {
        size_t mark = arena_mark(ctx->arena);
        if (tick_queue(ctx, store, store->queues[i]) != ST_OK)
            ctx_forgive(ctx);
        arena_rewind(ctx->arena, mark);
    }
}

void queue_store_drain(struct ctx *ctx, struct queue_store *store)
{
    for (size_t i = 0; i < store->queue_count; i++) {
        if (book_settle_all(ctx, store, store->queues[i]) != ST_OK)
            log_line(LOG_WARN, ctx, "the log of line %s waits in redis for another instance",
                     store->queues[i]->name);
    }
}
