#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/json.h"
#include "present.h"
#include "service.h"
#include "token/identity.h"

struct join {
    struct uuid user_id;
    char queue[TOKEN_QUEUE_MAX + 1];
};

static const struct http_member join_members[] = {
    {.name = "user_id",
     .kind = HTTP_UUID,
     .required = true,
     .offset = offsetof(struct join, user_id)},
    {.name = "queue",
     .kind = HTTP_TEXT,
     .offset = offsetof(struct join, queue),
     .min = 1,
     .max = TOKEN_QUEUE_MAX},
};

/* Who wants a place as somebody must be that somebody, where identities are checked at all. */
static enum status admit_as_self(struct ctx *ctx, struct gateway *gateway,
                                 const struct http_request *request, const struct uuid *user_id)
{
    struct uuid subject;
    const char *token;
    if (gateway->identity == NULL)
        return ST_OK;
    if (http_header(request, "Authorization") == NULL)
        return ctx_fail(ctx, ST_IDENTITY_REQUIRED, "no Authorization header");
    if (!admission_read_bearer(request, &token))
        return ctx_fail(ctx, ST_IDENTITY_INVALID, "Authorization is not Bearer");
    TRY(identity_verify(ctx, gateway->identity, token, clock_wall_ms() / 1000, &subject));
    if (strcmp(subject.text, user_id->text) != 0)
        return ctx_fail(ctx, ST_NOT_YOUR_ACCOUNT, "a place for another user");
    return ST_OK;
}

enum status gateway_issue_token(struct ctx *ctx, void *self, const struct http_request *request,
                                struct http_response *response)
{
    struct gateway *gateway = self;
    struct join join = {.queue = "main"};
    TRY(gateway_admit_anyone(ctx, gateway, response));
    TRY(http_read_json(ctx, request, join_members, ARRAY_LEN(join_members), &join));
    if (!token_queue_is_valid(join.queue))
        ctx_violate(ctx, "/queue", "must be 1 to %d of a-z 0-9 - _", TOKEN_QUEUE_MAX);
    TRY(ctx_checked(ctx));
    TRY(admit_as_self(ctx, gateway, request, &join.user_id));
    TRY(gateway_limit_user(ctx, gateway, join.user_id.text, response));

    Boxoffice__Queue__V1__IssueTokenRequest req = BOXOFFICE__QUEUE__V1__ISSUE_TOKEN_REQUEST__INIT;
    req.user_id = join.user_id.text;
    req.queue = join.queue;
    Boxoffice__Queue__V1__IssueTokenResponse *res = NULL;
    TRY(gateway_call(ctx, &gateway->peers, CALL_ISSUE_TOKEN, &req.base, &res));
    if (res->created) {
        response->code = 201;
        http_add_header(response, "Location", "/v1/queue/tokens/me");
    }
    return http_write_json(ctx, response, present_place(res->place, res->place->token));
}

enum status gateway_get_token(struct ctx *ctx, void *self, const struct http_request *request,
                              struct http_response *response)
{
    struct gateway *gateway = self;
    struct caller caller;
    TRY(gateway_admit(ctx, gateway, request, response, NEED_OWNER, &caller));

    Boxoffice__Queue__V1__GetTokenRequest req = BOXOFFICE__QUEUE__V1__GET_TOKEN_REQUEST__INIT;
    req.token = gateway_text(caller.token);
    Boxoffice__Queue__V1__GetTokenResponse *res = NULL;
    TRY(gateway_call(ctx, &gateway->peers, CALL_GET_TOKEN, &req.base, &res));
    return http_write_json(ctx, response, present_place(res->place, caller.token));
}

enum status gateway_leave(struct ctx *ctx, void *self, const struct http_request *request,
                          struct http_response *response)
{
    struct gateway *gateway = self;
    struct caller caller;
    TRY(gateway_admit(ctx, gateway, request, response, NEED_OWNER, &caller));

    Boxoffice__Queue__V1__ExpireTokenRequest req = BOXOFFICE__QUEUE__V1__EXPIRE_TOKEN_REQUEST__INIT;
    req.queue = caller.claims.queue;
    req.user_id = caller.claims.user_id.text;
    req.token_id = caller.claims.token_id.text;
    req.reason = BOXOFFICE__QUEUE__V1__EXPIRE_REASON__EXPIRE_REASON_LEFT;
    Boxoffice__Queue__V1__ExpireTokenResponse *res = NULL;
    TRY(gateway_call(ctx, &gateway->peers, CALL_EXPIRE_TOKEN, &req.base, &res));
    response->code = 204;
    return ST_OK;
}
