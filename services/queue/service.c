#include "service.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "boxoffice/queue/v1/queue.pb-c.h"
#include "line.h"
#include "present.h"
#include "store.h"
#include "token/token.h"
#include "watch.h"

typedef Boxoffice__Queue__V1__IssueTokenRequest IssueTokenRequest;
typedef Boxoffice__Queue__V1__IssueTokenResponse IssueTokenResponse;
typedef Boxoffice__Queue__V1__GetTokenRequest GetTokenRequest;
typedef Boxoffice__Queue__V1__GetTokenResponse GetTokenResponse;
typedef Boxoffice__Queue__V1__WatchTokenRequest WatchTokenRequest;
typedef Boxoffice__Queue__V1__VerifyTokensRequest VerifyTokensRequest;
typedef Boxoffice__Queue__V1__VerifyTokensResponse VerifyTokensResponse;
typedef Boxoffice__Queue__V1__TokenState TokenState;
typedef Boxoffice__Queue__V1__ExpireTokenRequest ExpireTokenRequest;
typedef Boxoffice__Queue__V1__ExpireTokenResponse ExpireTokenResponse;
typedef Boxoffice__Queue__V1__SetPolicyRequest SetPolicyRequest;
typedef Boxoffice__Queue__V1__SetPolicyResponse SetPolicyResponse;
typedef Boxoffice__Queue__V1__GetQueueRequest GetQueueRequest;
typedef Boxoffice__Queue__V1__GetQueueResponse GetQueueResponse;
typedef Boxoffice__Queue__V1__Place Place;
typedef Boxoffice__Queue__V1__Policy Policy;

static const char main_queue[] = "main";

extern const unsigned char boxoffice_queue_descriptors[];
extern const size_t boxoffice_queue_descriptors_size;

static enum status arena_full(struct ctx *ctx)
{
    return ctx_fail(ctx, ST_OVERLOADED, "arena full");
}

/* Response texts are never freed, but protobuf-c has them as char *. */
static enum status give_text(struct ctx *ctx, const char *text, char **ret_text)
{
    char *copy = arena_strdup(ctx->arena, text);
    if (!copy)
        return arena_full(ctx);
    *ret_text = copy;
    return ST_OK;
}

static uint64_t dice(const struct place *place)
{
    return base_hash64(place->token_id.text) ^ (uint64_t)clock_monotonic_us();
}

/* "" is the main queue. */
static const char *check_queue(struct ctx *ctx, const char *queue)
{
    if (queue[0] == '\0')
        return main_queue;
    if (!token_queue_is_valid(queue))
        ctx_violate(ctx, "/queue", "must be 1 to %d of a-z 0-9 - _", TOKEN_QUEUE_MAX);
    return queue;
}

static void check_uuid(struct ctx *ctx, const char *pointer, const char *text,
                       struct uuid *ret_uuid)
{
    if (!uuid_parse(text, ret_uuid))
        ctx_violate(ctx, pointer, "must be a UUID");
}

static void claims_to_place(const struct token_claims *claims, struct place *place)
{
    *place = (struct place){
        .user_id = claims->user_id,
        .token_id = claims->token_id,
        .sequence = claims->sequence,
        .issued_at_unix_ms = claims->issued_at_unix_ms,
    };
    snprintf(place->queue, sizeof place->queue, "%s", claims->queue);
}

static enum status sign(struct ctx *ctx, const struct token_key *key, const struct place *place,
                        const char **ret_token)
{
    struct token_claims claims = {
        .user_id = place->user_id,
        .token_id = place->token_id,
        .sequence = place->sequence,
        .issued_at_unix_ms = place->issued_at_unix_ms,
    };
    snprintf(claims.queue, sizeof claims.queue, "%s", place->queue);
    return token_sign(ctx, key, &claims, ret_token);
}

static enum status give_place(struct ctx *ctx, struct queue_store *store, const struct place *place,
                              Place **ret_message)
{
    struct line_figures figures;
    TRY(queue_store_recent_figures(ctx, store, place->queue, &figures));
    struct place *kept = arena_memdup(ctx->arena, place, sizeof *place);
    Place *message = arena_alloc(ctx->arena, sizeof *message);
    if (!kept || !message)
        return arena_full(ctx);
    boxoffice__queue__v1__place__init(message);
    present_place(&figures, kept, dice(place), message);
    *ret_message = message;
    return ST_OK;
}

static enum status handle_issue_token(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct queue_service *service = self;
    const IssueTokenRequest *req = in;
    IssueTokenResponse *res = out;

    struct uuid user_id;
    const char *queue = check_queue(ctx, req->queue);
    check_uuid(ctx, "/user_id", req->user_id, &user_id);
    TRY(ctx_checked(ctx));

    struct uuid token_id;
    struct place place;
    bool created;
    uuid_v7(&token_id);
    TRY(queue_store_issue(ctx, service->store, queue, &user_id, &token_id, &place, &created));

    const char *token;
    TRY(sign(ctx, service->key, &place, &token));
    TRY(give_place(ctx, service->store, &place, &res->place));
    res->created = created;
    return give_text(ctx, token, &res->place->token);
}

/* The place behind a token, as it is now; its user is there. */
static enum status load_place(struct ctx *ctx, const struct queue_service *service,
                              const char *token, struct place *ret_place)
{
    struct token_claims claims;
    struct place place;
    struct place *one = &place;
    TRY(token_verify(ctx, service->key, token, &claims));
    claims_to_place(&claims, &place);
    TRY(queue_store_look(ctx, service->store, place.queue, &one, 1, true));
    if (place.status == PLACE_UNKNOWN)
        return ctx_fail(ctx, ST_TOKEN_INVALID, "its number was never given");
    *ret_place = place;
    return ST_OK;
}

static enum status handle_get_token(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct queue_service *service = self;
    const GetTokenRequest *req = in;
    GetTokenResponse *res = out;

    struct place place;
    TRY(load_place(ctx, service, req->token, &place));
    return give_place(ctx, service->store, &place, &res->place);
}

static enum status open_watch_token(struct ctx *ctx, void *self, const void *in,
                                    struct rpc_stream *stream)
{
    const struct queue_service *service = self;
    const WatchTokenRequest *req = in;

    struct place place;
    struct line_figures figures;
    TRY(load_place(ctx, service, req->token, &place));
    TRY(queue_store_recent_figures(ctx, service->store, place.queue, &figures));
    /* A caller that is gone already is found out by the publisher. */
    (void)watch_send(&figures, &place, stream);
    if (place.status == PLACE_EXPIRED) {
        rpc_stream_release(&stream);
        return ST_OK;
    }
    return watch_list_add(ctx, service->watches, &place, stream);
}

/* What to answer a user of a token whose place is in that status. */
static enum status turn_of(const struct place *place)
{
    switch (place->status) {
    case PLACE_ACTIVE:
        return ST_OK;
    case PLACE_WAITING:
        return ST_NOT_YOUR_TURN;
    case PLACE_EXPIRED:
        return ST_TOKEN_EXPIRED;
    case PLACE_UNKNOWN:
    default:
        return ST_TOKEN_INVALID;
    }
}

/* Looks at all places of the first one's queue and takes them out of `places`, keeping the others'
 * order. */
static enum status look_at_one_queue(struct ctx *ctx, struct queue_store *store,
                                     struct place *places[], size_t *count)
{
    struct place *together[LOOK_MAX];
    size_t together_count = 0;
    size_t kept = 0;
    const char *queue = places[0]->queue;
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(places[i]->queue, queue) == 0)
            together[together_count++] = places[i];
        else
            places[kept++] = places[i];
    }
    *count = kept;
    return queue_store_look(ctx, store, queue, together, together_count, false);
}

static enum status present_state(struct ctx *ctx, struct queue_store *store, struct place *place,
                                 TokenState *state)
{
    TRY(give_text(ctx, status_name(turn_of(place)), &state->code));
    if (place->queue[0] == '\0')
        return ST_OK; /* not authentic: nothing about it is known */

    struct line_figures figures;
    TRY(queue_store_recent_figures(ctx, store, place->queue, &figures));
    state->token_id = place->token_id.text;
    state->user_id = place->user_id.text;
    state->queue = place->queue;
    state->sequence = place->sequence;
    state->status = present_status(place->status);
    state->position = place->position;
    state->next_poll_ms = line_next_poll_ms(&figures, place, dice(place));
    state->expires_at_unix_ms = place->expires_at_unix_ms;
    return ST_OK;
}

static enum status handle_verify_tokens(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct queue_service *service = self;
    const VerifyTokensRequest *req = in;
    VerifyTokensResponse *res = out;
    struct place *authentic[LOOK_MAX];
    size_t authentic_count = 0;

    if (req->n_tokens > LOOK_MAX)
        ctx_violate(ctx, "/tokens", "must be at most %d", LOOK_MAX);
    TRY(ctx_checked(ctx));

    struct place *places = arena_calloc(ctx->arena, req->n_tokens + 1, sizeof *places);
    res->states = arena_calloc(ctx->arena, req->n_tokens + 1, sizeof(TokenState *));
    TokenState *states = arena_calloc(ctx->arena, req->n_tokens + 1, sizeof *states);
    if (!places || !res->states || !states)
        return arena_full(ctx);
    for (size_t i = 0; i < req->n_tokens; i++) {
        struct token_claims claims;
        if (token_verify(ctx, service->key, req->tokens[i], &claims) == ST_OK) {
            claims_to_place(&claims, &places[i]);
            authentic[authentic_count++] = &places[i];
        }
    }
    ctx_forgive(ctx); /* a bad token is an answer here, not a failure */
    while (authentic_count > 0)
        TRY(look_at_one_queue(ctx, service->store, authentic, &authentic_count));

    for (size_t i = 0; i < req->n_tokens; i++) {
        boxoffice__queue__v1__token_state__init(&states[i]);
        res->states[i] = &states[i];
        TRY(present_state(ctx, service->store, &places[i], &states[i]));
    }
    res->n_states = req->n_tokens;
    return ST_OK;
}

static enum status handle_expire_token(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct queue_service *service = self;
    const ExpireTokenRequest *req = in;
    ExpireTokenResponse *res = out;

    struct uuid user_id;
    struct uuid token_id;
    const char *queue = check_queue(ctx, req->queue);
    check_uuid(ctx, "/user_id", req->user_id, &user_id);
    check_uuid(ctx, "/token_id", req->token_id, &token_id);
    bool is_paid = req->reason == BOXOFFICE__QUEUE__V1__EXPIRE_REASON__EXPIRE_REASON_PAID;
    if (!is_paid && req->reason != BOXOFFICE__QUEUE__V1__EXPIRE_REASON__EXPIRE_REASON_LEFT)
        ctx_violate(ctx, "/reason", "must be left or paid");
    TRY(ctx_checked(ctx));

    bool expired;
    TRY(queue_store_expire(ctx, service->store, queue, &user_id, &token_id,
                           is_paid ? EXPIRE_PAID : EXPIRE_LEFT, &expired));
    res->expired = expired;
    return ST_OK;
}

static enum status give_policy(struct ctx *ctx, const struct policy *policy, Policy **ret_message)
{
    Policy *message = arena_alloc(ctx->arena, sizeof *message);
    if (!message)
        return arena_full(ctx);
    boxoffice__queue__v1__policy__init(message);
    present_policy(policy, message);
    *ret_message = message;
    return ST_OK;
}

static enum status handle_set_policy(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct queue_service *service = self;
    const SetPolicyRequest *req = in;
    SetPolicyResponse *res = out;

    struct policy policy;
    const char *queue = check_queue(ctx, req->queue);
    TRY(read_policy(ctx, req->policy, &policy));
    TRY(queue_store_set_policy(ctx, service->store, queue, &policy));
    return give_policy(ctx, &policy, &res->policy);
}

static enum status handle_get_queue(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct queue_service *service = self;
    const GetQueueRequest *req = in;
    GetQueueResponse *res = out;

    struct line_figures figures;
    const char *queue = check_queue(ctx, req->queue);
    TRY(ctx_checked(ctx));
    TRY(queue_store_figures(ctx, service->store, queue, &figures));
    TRY(give_text(ctx, queue, &res->queue));
    res->waiting = figures.waiting;
    res->active = figures.active;
    res->admitted_total = figures.admitted_total;
    res->skipped_total = figures.skipped_total;
    res->admission_rate_milli = figures.admission_rate_milli;
    res->oldest_wait_ms = figures.oldest_wait_ms;
    res->epoch = figures.epoch;
    res->last_sequence = figures.last_sequence;
    return give_policy(ctx, &figures.policy, &res->policy);
}

/* Who may call it by certificate stands last. */
#define METHOD(text, stem, names)                                                                  \
    .name = text, .input = &boxoffice__queue__v1__##stem##_request__descriptor,                    \
    .output = &boxoffice__queue__v1__##stem##_response__descriptor, .callers = names

static const struct rpc_method methods[] = {
    {METHOD("IssueToken", issue_token, "gateway"), .handle = handle_issue_token},
    {METHOD("GetToken", get_token, "gateway"), .handle = handle_get_token},
    {METHOD("WatchToken", watch_token, "gateway"), .open = open_watch_token},
    {METHOD("VerifyTokens", verify_tokens, "gateway payment"), .handle = handle_verify_tokens},
    {METHOD("ExpireToken", expire_token, "gateway payment"), .handle = handle_expire_token},
    {METHOD("SetPolicy", set_policy, "admin gateway"), .handle = handle_set_policy},
    {METHOD("GetQueue", get_queue, "admin gateway"), .handle = handle_get_queue},
};

struct rpc_service queue_rpc_service(struct queue_service *service)
{
    return (struct rpc_service){
        .name = "boxoffice.queue.v1.QueueService",
        .methods = methods,
        .method_count = ARRAY_LEN(methods),
        .descriptors = boxoffice_queue_descriptors,
        .descriptors_size = boxoffice_queue_descriptors_size,
        .self = service,
    };
}
