#include "peers.h"

#include "boxoffice/concert/v1/concert.pb-c.h"
#include "boxoffice/queue/v1/queue.pb-c.h"
#include "rpc/client.h"

typedef Boxoffice__Concert__V1__CreateConcertRequest CreateConcertRequest;
typedef Boxoffice__Concert__V1__CreateConcertResponse CreateConcertResponse;
typedef Boxoffice__Concert__V1__AddDateRequest AddDateRequest;
typedef Boxoffice__Concert__V1__AddDateResponse AddDateResponse;
typedef Boxoffice__Concert__V1__ConcertDate ConcertDate;
typedef Boxoffice__Concert__V1__PriceTier PriceTier;
typedef Boxoffice__Queue__V1__GetQueueRequest GetQueueRequest;
typedef Boxoffice__Queue__V1__GetQueueResponse GetQueueResponse;
typedef Boxoffice__Queue__V1__SetPolicyRequest SetPolicyRequest;
typedef Boxoffice__Queue__V1__SetPolicyResponse SetPolicyResponse;

/* protobuf-c has request texts as char *, but only reads them: copies keep the qualifiers honest.
 */
static enum status give_text(struct ctx *ctx, const char *text, char **ret_text)
{
    char *copy = arena_strdup(ctx->arena, text);
    if (!copy)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    *ret_text = copy;
    return ST_OK;
}

static enum status fill_concert(struct ctx *ctx, const struct season_concert *concert,
                                Boxoffice__Concert__V1__Concert *message)
{
    boxoffice__concert__v1__concert__init(message);
    TRY(give_text(ctx, concert->concert_id, &message->concert_id));
    TRY(give_text(ctx, concert->title, &message->title));
    TRY(give_text(ctx, concert->artist, &message->artist));
    TRY(give_text(ctx, concert->venue, &message->venue));
    return give_text(ctx, concert->queue, &message->queue);
}

static enum status fill_date(struct ctx *ctx, const struct season_date *date, ConcertDate *message)
{
    PriceTier *tiers = arena_calloc(ctx->arena, date->tier_count, sizeof *tiers);
    PriceTier **list = arena_calloc(ctx->arena, date->tier_count, sizeof *list);
    if (!tiers || !list)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < date->tier_count; i++) {
        boxoffice__concert__v1__price_tier__init(&tiers[i]);
        tiers[i].first_seat_no = date->tiers[i].first_seat_no;
        tiers[i].last_seat_no = date->tiers[i].last_seat_no;
        tiers[i].price_won = date->tiers[i].price_won;
        list[i] = &tiers[i];
    }
    boxoffice__concert__v1__concert_date__init(message);
    message->starts_at_unix_ms = date->starts_at_unix_ms;
    message->sale_opens_at_unix_ms = date->sale_opens_at_unix_ms;
    message->sale_closes_at_unix_ms = date->sale_closes_at_unix_ms;
    message->seats_total = date->seats_total;
    message->tiers = list;
    message->n_tiers = date->tier_count;
    return give_text(ctx, date->date, &message->date);
}

enum status peer_publish(struct ctx *ctx, struct rpc_client *client, const struct peer_wish *wish,
                         bool *ret_created, int *ret_added)
{
    static const struct rpc_call_type type = {
        .path = "/boxoffice.concert.v1.ConcertService/CreateConcert",
        .output = &boxoffice__concert__v1__create_concert_response__descriptor,
    };

    Boxoffice__Concert__V1__Concert concert;
    CreateConcertRequest req;
    boxoffice__concert__v1__create_concert_request__init(&req);
    ConcertDate *dates = arena_calloc(ctx->arena, wish->count, sizeof *dates);
    req.dates = arena_calloc(ctx->arena, wish->count, sizeof *req.dates);
    if (!dates || !req.dates)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    TRY(fill_concert(ctx, wish->concert, &concert));
    req.concert = &concert;
    req.validate_only = wish->validate_only;
    for (size_t i = 0; i < wish->count; i++) {
        TRY(fill_date(ctx, &wish->concert->dates[wish->first + i], &dates[i]));
        req.dates[req.n_dates++] = &dates[i];
    }

    CreateConcertResponse *res;
    TRY(rpc_call(ctx, client, &type, &req.base, &res));
    *ret_created = res->created;
    *ret_added = res->dates_added;
    return ST_OK;
}

enum status peer_add_date(struct ctx *ctx, struct rpc_client *client, const char *concert_id,
                          const struct season_date *date, bool *ret_created)
{
    static const struct rpc_call_type type = {
        .path = "/boxoffice.concert.v1.ConcertService/AddDate",
        .output = &boxoffice__concert__v1__add_date_response__descriptor,
    };

    ConcertDate message;
    AddDateRequest req;
    boxoffice__concert__v1__add_date_request__init(&req);
    TRY(give_text(ctx, concert_id, &req.concert_id));
    TRY(fill_date(ctx, date, &message));
    req.date = &message;

    AddDateResponse *res;
    TRY(rpc_call(ctx, client, &type, &req.base, &res));
    *ret_created = res->created;
    return ST_OK;
}

/* Kinds are numbered as ours, behind UNSPECIFIED. */
_Static_assert((int)BOXOFFICE__QUEUE__V1__POLICY_KIND__POLICY_KIND_COUNTER == POLICY_COUNTER + 1,
               "");
_Static_assert((int)BOXOFFICE__QUEUE__V1__POLICY_KIND__POLICY_KIND_GATE == POLICY_GATE + 1, "");
_Static_assert((int)BOXOFFICE__QUEUE__V1__POLICY_KIND__POLICY_KIND_BOTH == POLICY_BOTH + 1, "");

enum status peer_get_queue(struct ctx *ctx, struct rpc_client *queue, const char *name,
                           struct queue_figures *ret_figures)
{
    static const struct rpc_call_type type = {
        .path = "/boxoffice.queue.v1.QueueService/GetQueue",
        .output = &boxoffice__queue__v1__get_queue_response__descriptor,
    };

    GetQueueRequest req;
    boxoffice__queue__v1__get_queue_request__init(&req);
    TRY(give_text(ctx, name, &req.queue));

    GetQueueResponse *res;
    TRY(rpc_call(ctx, queue, &type, &req.base, &res));
    if (!res->policy || (int)res->policy->kind < 1 || (int)res->policy->kind > POLICY_KIND_COUNT)
        return ctx_fail(ctx, ST_INTERNAL, "the queue answered without a policy");
    *ret_figures = (struct queue_figures){
        .policy = {.kind = (int)res->policy->kind - 1,
                   .capacity = res->policy->capacity,
                   .admit_batch = res->policy->admit_batch,
                   .admit_interval_ms = res->policy->admit_interval_ms,
                   .active_ttl_ms = res->policy->active_ttl_ms,
                   .absent_ms = res->policy->absent_ms,
                   .paused = res->policy->paused},
        .waiting = res->waiting,
        .active = res->active,
        .admitted_total = res->admitted_total,
        .skipped_total = res->skipped_total,
        .admission_rate_milli = res->admission_rate_milli,
        .oldest_wait_ms = res->oldest_wait_ms,
        .last_sequence = res->last_sequence,
    };
    return ST_OK;
}

enum status peer_set_policy(struct ctx *ctx, struct rpc_client *queue, const char *name,
                            const struct queue_policy *policy)
{
    static const struct rpc_call_type type = {
        .path = "/boxoffice.queue.v1.QueueService/SetPolicy",
        .output = &boxoffice__queue__v1__set_policy_response__descriptor,
    };

    Boxoffice__Queue__V1__Policy message;
    boxoffice__queue__v1__policy__init(&message);
    message.kind = (Boxoffice__Queue__V1__PolicyKind)(policy->kind + 1);
    message.capacity = policy->capacity;
    message.admit_batch = policy->admit_batch;
    message.admit_interval_ms = policy->admit_interval_ms;
    message.active_ttl_ms = policy->active_ttl_ms;
    message.absent_ms = policy->absent_ms;
    message.paused = policy->paused;

    SetPolicyRequest req;
    boxoffice__queue__v1__set_policy_request__init(&req);
    TRY(give_text(ctx, name, &req.queue));
    req.policy = &message;

    SetPolicyResponse *res;
    return rpc_call(ctx, queue, &type, &req.base, &res);
}
