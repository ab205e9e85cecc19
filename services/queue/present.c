#include "present.h"

#include <assert.h>

static const Boxoffice__Queue__V1__PlaceStatus statuses[] = {
    [PLACE_UNKNOWN] = BOXOFFICE__QUEUE__V1__PLACE_STATUS__PLACE_STATUS_UNSPECIFIED,
    [PLACE_WAITING] = BOXOFFICE__QUEUE__V1__PLACE_STATUS__PLACE_STATUS_WAITING,
    [PLACE_ACTIVE] = BOXOFFICE__QUEUE__V1__PLACE_STATUS__PLACE_STATUS_ACTIVE,
    [PLACE_EXPIRED] = BOXOFFICE__QUEUE__V1__PLACE_STATUS__PLACE_STATUS_EXPIRED,
};

static const Boxoffice__Queue__V1__PolicyKind kinds[] = {
    [POLICY_COUNTER] = BOXOFFICE__QUEUE__V1__POLICY_KIND__POLICY_KIND_COUNTER,
    [POLICY_GATE] = BOXOFFICE__QUEUE__V1__POLICY_KIND__POLICY_KIND_GATE,
    [POLICY_BOTH] = BOXOFFICE__QUEUE__V1__POLICY_KIND__POLICY_KIND_BOTH,
};

Boxoffice__Queue__V1__PlaceStatus present_status(enum place_status status)
{
    assert((size_t)status < ARRAY_LEN(statuses));
    return statuses[status];
}

void present_place(const struct line_figures *figures, struct place *place, uint64_t dice,
                   Boxoffice__Queue__V1__Place *message)
{
    message->token_id = place->token_id.text;
    message->user_id = place->user_id.text;
    message->queue = place->queue;
    message->sequence = place->sequence;
    message->status = present_status(place->status);
    message->position = place->position;
    message->ahead = place->position > 0 ? place->position - 1 : 0;
    message->estimated_wait_seconds =
        (line_estimate_wait_ms(figures, place->position) + 999) / 1000;
    message->next_poll_ms = line_next_poll_ms(figures, place, dice);
    message->issued_at_unix_ms = place->issued_at_unix_ms;
    message->expires_at_unix_ms = place->expires_at_unix_ms;
}

void present_policy(const struct policy *policy, Boxoffice__Queue__V1__Policy *message)
{
    message->kind = kinds[policy->kind];
    message->capacity = policy->capacity;
    message->admit_batch = policy->admit_batch;
    message->admit_interval_ms = policy->admit_interval_ms;
    message->active_ttl_ms = policy->active_ttl_ms;
    message->absent_ms = policy->absent_ms;
    message->paused = policy->paused;
}

enum status read_policy(struct ctx *ctx, const Boxoffice__Queue__V1__Policy *message,
                        struct policy *ret_policy)
{
    if (!message) {
        ctx_violate(ctx, "/policy", "is required");
        return ctx_checked(ctx);
    }
    struct policy policy = {
        .capacity = message->capacity,
        .admit_batch = message->admit_batch,
        .admit_interval_ms = message->admit_interval_ms,
        .active_ttl_ms = message->active_ttl_ms,
        .absent_ms = message->absent_ms,
        .paused = message->paused != 0,
    };
    size_t kind = 0;
    while (kind < ARRAY_LEN(kinds) && kinds[kind] != message->kind)
        kind++;
    if (kind == ARRAY_LEN(kinds))
        ctx_violate(ctx, "/policy/kind", "must be counter, gate or both");
    TRY(policy_check(ctx, &policy));
    policy.kind = (enum policy_kind)kind;
    *ret_policy = policy;
    return ST_OK;
}
