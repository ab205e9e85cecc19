#include "fake_queue_store.h"

#include <stdio.h>

struct fake_store fake_store;

static enum status count_call(struct ctx *ctx, const char *queue)
{
    snprintf(fake_store.queue, sizeof fake_store.queue, "%s", queue);
    if (++fake_store.calls == fake_store.fail_at)
        return ctx_fail(ctx, fake_store.failure, "as the test wants");
    return ST_OK;
}

enum status queue_store_issue(struct ctx *ctx, struct queue_store *store, const char *queue,
                              const struct uuid *user_id, const struct uuid *token_id,
                              struct place *ret_place, bool *ret_created)
{
    (void)store;
    TRY(count_call(ctx, queue));
    fake_store.changes++;
    fake_store.user_id = *user_id;
    fake_store.token_id = *token_id;
    *ret_place = fake_store.issued;
    ret_place->user_id = *user_id;
    if (fake_store.created)
        ret_place->token_id = *token_id;
    snprintf(ret_place->queue, sizeof ret_place->queue, "%s", queue);
    *ret_created = fake_store.created;
    return ST_OK;
}

enum status queue_store_look(struct ctx *ctx, struct queue_store *store, const char *queue,
                             struct place *const places[], size_t count, bool is_present)
{
    (void)store;
    TRY(count_call(ctx, queue));
    if (fake_store.look_count < FAKE_LOOKS_MAX) {
        snprintf(fake_store.looked_at[fake_store.look_count], LINE_NAME_MAX + 1, "%s", queue);
        fake_store.look_sizes[fake_store.look_count++] = count;
    }
    fake_store.was_present = is_present;
    for (size_t i = 0; i < count; i++) {
        places[i]->status = fake_store.status;
        places[i]->position = fake_store.position;
    }
    return ST_OK;
}

enum status queue_store_expire(struct ctx *ctx, struct queue_store *store, const char *queue,
                               const struct uuid *user_id, const struct uuid *token_id,
                               enum expire_reason reason, bool *ret_expired)
{
    (void)store;
    TRY(count_call(ctx, queue));
    fake_store.changes++;
    fake_store.user_id = *user_id;
    fake_store.token_id = *token_id;
    fake_store.reason = reason;
    *ret_expired = fake_store.expired;
    return ST_OK;
}

enum status queue_store_set_policy(struct ctx *ctx, struct queue_store *store, const char *queue,
                                   const struct policy *policy)
{
    (void)store;
    TRY(count_call(ctx, queue));
    fake_store.changes++;
    fake_store.policy = *policy;
    return ST_OK;
}

enum status queue_store_figures(struct ctx *ctx, struct queue_store *store, const char *queue,
                                struct line_figures *ret_figures)
{
    (void)store;
    TRY(count_call(ctx, queue));
    *ret_figures = fake_store.figures;
    return ST_OK;
}

enum status queue_store_recent_figures(struct ctx *ctx, struct queue_store *store,
                                       const char *queue, struct line_figures *ret_figures)
{
    return queue_store_figures(ctx, store, queue, ret_figures);
}
