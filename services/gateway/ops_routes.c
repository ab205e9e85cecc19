#include "ops_routes.h"

#include <jansson.h>
#include <string.h>

#include "audit_file.h"
#include "base/clock.h"
#include "http/json.h"
#include "present.h"
#include "service.h"

enum {
    PART_MS = 2000, /* for one service's part of the overview */
    CONCERTS_MAX = 100,
    QUEUES_MAX = 32,
};

typedef Boxoffice__Queue__V1__Policy Policy;
typedef Boxoffice__Queue__V1__GetQueueResponse Figures;

/* --- who may --- */

bool ops_secret_is_right(const char *secret, const char *given)
{
    const size_t secret_size = strlen(secret), given_size = strlen(given);
    unsigned char difference = secret_size != given_size;
    for (size_t i = 0; i < given_size; i++)
        difference |= (unsigned char)(given[i] ^ secret[i % secret_size]);
    return difference == 0;
}

static enum status admit_operator(struct ctx *ctx, struct gateway *gateway,
                                  const struct http_request *request)
{
    const char *given;
    if (gateway->ops_secret == NULL || gateway->ops_secret[0] == '\0')
        return ctx_fail(ctx, ST_ROUTE_NOT_FOUND, "no secret is set");
    if (!limiter_take(gateway->ops_limiter, base_hash64(ctx->caller), clock_monotonic_us()))
        return ctx_fail(ctx, ST_RATE_LIMITED, "operator's limit");
    if (!admission_read_bearer(request, &given) || !ops_secret_is_right(gateway->ops_secret, given))
        return ctx_fail(ctx, ST_OPERATOR_ONLY, "secret absent or wrong");
    return ST_OK;
}

/* --- a queue --- */

static const char *const kinds[] = {"unknown", "counter", "gate", "both"};

static json_t *present_policy(const Policy *policy)
{
    const size_t kind = (size_t)policy->kind;
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:b}", "kind",
                     kinds[kind < ARRAY_LEN(kinds) ? kind : 0], "capacity",
                     (json_int_t)policy->capacity, "admit_batch", (json_int_t)policy->admit_batch,
                     "admit_interval_ms", (json_int_t)policy->admit_interval_ms, "active_ttl_ms",
                     (json_int_t)policy->active_ttl_ms, "absent_ms", (json_int_t)policy->absent_ms,
                     "paused", policy->paused);
}

/* Figures for people: seconds, and what somebody who joins now would wait. */
static json_t *present_queue(const Figures *figures)
{
    const int64_t rate_milli = figures->admission_rate_milli;
    json_t *object = json_pack(
        "{s:s, s:I, s:I, s:f, s:f, s:I, s:I, s:o}", "queue", figures->queue, "waiting",
        (json_int_t)figures->waiting, "active", (json_int_t)figures->active, "admitted_per_second",
        (double)rate_milli / 1000, "longest_wait_seconds", (double)figures->oldest_wait_ms / 1000,
        "admitted_total", (json_int_t)figures->admitted_total, "skipped_as_absent_total",
        (json_int_t)figures->skipped_total, "policy", present_policy(figures->policy));
    if (rate_milli > 0)
        json_object_set_new(object, "a_newcomer_waits_seconds",
                            json_integer(figures->waiting * 1000 / rate_milli));
    return object;
}

static enum status get_queue(struct ctx *ctx, struct gateway *gateway, const char *name,
                             Figures **ret_figures)
{
    Boxoffice__Queue__V1__GetQueueRequest req = BOXOFFICE__QUEUE__V1__GET_QUEUE_REQUEST__INIT;
    req.queue = gateway_text(name);
    TRY(gateway_call(ctx, &gateway->peers, CALL_GET_QUEUE, &req.base, ret_figures));
    return (*ret_figures)->policy == NULL ? ctx_fail(ctx, ST_INTERNAL, "no policy") : ST_OK;
}

/* --- the overview, part by part --- */

struct overview {
    struct gateway *gateway;
    json_t *queues, *seats, *payments, *away;
    const char *names[QUEUES_MAX]; /* of queues, in the ctx's arena */
    size_t name_count;
};

static enum status add_queues(struct ctx *ctx, struct overview *overview)
{
    for (size_t i = 0; i < overview->name_count; i++) {
        Figures *figures = NULL;
        const enum status status = get_queue(ctx, overview->gateway, overview->names[i], &figures);
        if (status == ST_QUEUE_NOT_FOUND) /* nobody has joined it yet */
            continue;
        TRY(status);
        json_array_append_new(overview->queues, present_queue(figures));
    }
    return ST_OK;
}

static void note_queue(struct overview *overview, const char *name)
{
    for (size_t i = 0; i < overview->name_count; i++) {
        if (strcmp(overview->names[i], name) == 0)
            return;
    }
    if (overview->name_count < QUEUES_MAX)
        overview->names[overview->name_count++] = name;
}

static enum status add_dates(struct ctx *ctx, struct overview *overview,
                             const Boxoffice__Concert__V1__Concert *concert)
{
    Boxoffice__Concert__V1__ListDatesRequest req = BOXOFFICE__CONCERT__V1__LIST_DATES_REQUEST__INIT;
    Boxoffice__Concert__V1__ListDatesResponse *res = NULL;
    const size_t mark = arena_mark(ctx->arena);
    req.concert_id = concert->concert_id;
    req.include_full = true;
    TRY(gateway_call(ctx, &overview->gateway->peers, CALL_LIST_DATES, &req.base, &res));
    for (size_t i = 0; i < res->n_dates; i++) {
        const Boxoffice__Concert__V1__DateAvailability *date = res->dates[i];
        json_array_append_new(overview->seats,
                              json_pack("{s:s, s:s, s:i, s:i, s:i, s:i}", "concert", concert->title,
                                        "date", date->date, "held", date->seats_held, "sold",
                                        date->seats_sold, "available", date->seats_available,
                                        "total", date->seats_total));
    }
    arena_rewind(ctx->arena, mark);
    return ST_OK;
}

static enum status add_concerts(struct ctx *ctx, struct overview *overview)
{
    Boxoffice__Concert__V1__ListConcertsRequest req =
        BOXOFFICE__CONCERT__V1__LIST_CONCERTS_REQUEST__INIT;
    Boxoffice__Concert__V1__ListConcertsResponse *res = NULL;
    req.page_size = CONCERTS_MAX;
    TRY(gateway_call(ctx, &overview->gateway->peers, CALL_LIST_CONCERTS, &req.base, &res));
    for (size_t i = 0; i < res->n_concerts; i++)
        note_queue(overview, res->concerts[i]->queue);
    for (size_t i = 0; i < res->n_concerts; i++)
        TRY(add_dates(ctx, overview, res->concerts[i]));
    return ST_OK;
}

static enum status add_payments(struct ctx *ctx, struct overview *overview)
{
    Boxoffice__Payment__V1__CountPaymentsRequest req =
        BOXOFFICE__PAYMENT__V1__COUNT_PAYMENTS_REQUEST__INIT;
    Boxoffice__Payment__V1__CountPaymentsResponse *res = NULL;
    TRY(gateway_call(ctx, &overview->gateway->peers, CALL_COUNT_PAYMENTS, &req.base, &res));
    for (size_t i = 0; i < res->n_counts; i++)
        json_array_append_new(overview->payments,
                              json_pack("{s:s, s:I, s:I}", "state", res->counts[i]->state,
                                        "payments", (json_int_t)res->counts[i]->count, "won",
                                        (json_int_t)res->counts[i]->amount_won));
    return ST_OK;
}

/* What one service cannot tell must not hide what the others can. */
static void add_part(struct ctx *ctx, struct overview *overview, const char *service,
                     enum status (*add)(struct ctx *ctx, struct overview *overview))
{
    const int64_t deadline_us = ctx->deadline_us;
    ctx_set_timeout_ms(ctx, PART_MS);
    const enum status status = add(ctx, overview);
    ctx->deadline_us = deadline_us;
    if (status == ST_OK)
        return;
    ctx_forgive(ctx);
    json_array_append_new(overview->away,
                          json_pack("{s:s, s:s}", "service", service, "code", status_name(status)));
}

static void add_audit(const struct gateway *gateway, json_t *root)
{
    json_t *summary, *findings;
    if (gateway->audit_file == NULL ||
        !audit_file_read(gateway->audit_file, clock_wall_ms() / 1000, &summary, &findings))
        return;
    json_object_set_new(root, "audit", summary);
    json_object_set_new(root, "invariants", findings);
}

enum status gateway_ops_overview(struct ctx *ctx, void *self, const struct http_request *request,
                                 struct http_response *response)
{
    struct gateway *gateway = self;
    TRY(admit_operator(ctx, gateway, request));
    struct overview overview = {
        .gateway = gateway,
        .queues = json_array(),
        .seats = json_array(),
        .payments = json_array(),
        .away = json_array(),
        .names = {"main"},
        .name_count = 1,
    };
    /* The catalog first: it names the queues. */
    add_part(ctx, &overview, "concert", add_concerts);
    add_part(ctx, &overview, "queue", add_queues);
    add_part(ctx, &overview, "payment", add_payments);
    json_t *root = json_pack("{s:o, s:o, s:o, s:o}", "queues", overview.queues, "away",
                             overview.away, "payments", overview.payments, "seats", overview.seats);
    add_audit(gateway, root);
    return http_write_json(ctx, response, root);
}

/* --- how a queue admits --- */

/* The queue points into its own request, whose policy is our whole body. */
static void point_into_body(struct ctx *ctx)
{
    static const char prefix[] = "/policy";
    for (size_t i = 0; i < ctx->violation_count; i++) {
        char *pointer = ctx->violations[i].pointer;
        if (strncmp(pointer, "/policy/", sizeof prefix) == 0)
            memmove(pointer, pointer + sizeof prefix - 1,
                    strlen(pointer) - (sizeof prefix - 1) + 1);
    }
}

static enum status set_policy(struct ctx *ctx, struct gateway *gateway, const char *queue,
                              Policy *policy, struct http_response *response)
{
    Boxoffice__Queue__V1__SetPolicyRequest req = BOXOFFICE__QUEUE__V1__SET_POLICY_REQUEST__INIT;
    Boxoffice__Queue__V1__SetPolicyResponse *res = NULL;
    req.queue = gateway_text(queue);
    req.policy = policy;
    const enum status status = gateway_call(ctx, &gateway->peers, CALL_SET_POLICY, &req.base, &res);
    point_into_body(ctx);
    TRY(status);
    return http_write_json(ctx, response, present_policy(res->policy));
}

/* The queue of the path, which must be there, with its policy as it is. */
static enum status find_queue(struct ctx *ctx, struct gateway *gateway,
                              const struct http_request *request, const char **ret_name,
                              Figures **ret_figures)
{
    const char *name = http_path_param(request, "queue");
    if (!token_queue_is_valid(name))
        ctx_violate(ctx, "{queue}", "must be 1 to %d of a-z 0-9 - _", TOKEN_QUEUE_MAX);
    TRY(ctx_checked(ctx));
    *ret_name = name;
    return get_queue(ctx, gateway, name, ret_figures);
}

struct policy_body {
    char kind[16];
    int64_t capacity, admit_batch, admit_interval_ms, active_ttl_ms, absent_ms;
};

/* Any number: what a policy may be is the queue's to tell. */
#define NUMBER(member)                                                                             \
    {                                                                                              \
        .name = #member, .kind = HTTP_INT, .required = true,                                       \
        .offset = offsetof(struct policy_body, member), .min = INT64_MIN, .max = INT64_MAX         \
    }

static const struct http_member policy_members[] = {
    {.name = "kind",
     .kind = HTTP_TEXT,
     .required = true,
     .offset = offsetof(struct policy_body, kind),
     .min = 1,
     .max = 15},
    NUMBER(capacity),
    NUMBER(admit_batch),
    NUMBER(admit_interval_ms),
    NUMBER(active_ttl_ms),
    NUMBER(absent_ms),
};

static enum status read_kind(struct ctx *ctx, const char *text,
                             Boxoffice__Queue__V1__PolicyKind *ret_kind)
{
    for (size_t i = 1; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i], text) == 0) {
            *ret_kind = (Boxoffice__Queue__V1__PolicyKind)i;
            return ST_OK;
        }
    }
    ctx_violate(ctx, "/kind", "must be counter, gate or both");
    return ctx_checked(ctx);
}

enum status gateway_ops_set_policy(struct ctx *ctx, void *self, const struct http_request *request,
                                   struct http_response *response)
{
    struct gateway *gateway = self;
    struct policy_body body = {0};
    Policy policy = BOXOFFICE__QUEUE__V1__POLICY__INIT;
    const char *queue;
    Figures *figures = NULL;
    TRY(admit_operator(ctx, gateway, request));
    TRY(http_read_json(ctx, request, policy_members, ARRAY_LEN(policy_members), &body));
    TRY(read_kind(ctx, body.kind, &policy.kind));
    TRY(find_queue(ctx, gateway, request, &queue, &figures));
    policy.capacity = body.capacity;
    policy.admit_batch = body.admit_batch;
    policy.admit_interval_ms = body.admit_interval_ms;
    policy.active_ttl_ms = body.active_ttl_ms;
    policy.absent_ms = body.absent_ms;
    policy.paused = figures->policy->paused;
    return set_policy(ctx, gateway, queue, &policy, response);
}

static enum status set_paused(struct ctx *ctx, struct gateway *gateway,
                              const struct http_request *request, bool paused,
                              struct http_response *response)
{
    const char *queue;
    Figures *figures = NULL;
    TRY(admit_operator(ctx, gateway, request));
    TRY(find_queue(ctx, gateway, request, &queue, &figures));
    figures->policy->paused = paused;
    return set_policy(ctx, gateway, queue, figures->policy, response);
}

enum status gateway_ops_pause(struct ctx *ctx, void *self, const struct http_request *request,
                              struct http_response *response)
{
    return set_paused(ctx, self, request, true, response);
}

enum status gateway_ops_resume(struct ctx *ctx, void *self, const struct http_request *request,
                               struct http_response *response)
{
    return set_paused(ctx, self, request, false, response);
}
