#include "admission.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/combiner.h"
#include "boxoffice/queue/v1/queue.pb-c.h"

enum {
    LANES = 4,        /* calls of VerifyTokens at a time */
    BATCH_MAX = 128,  /* tokens in one: some 42 KiB, below the 64 KiB a request may have */
    QUEUE_MAX = 8192, /* waiting on one lane */
    ARENA_SIZE = 512 * 1024,
    TIMEOUT_MS = 3000,
};

/* One request's question. */
struct question {
    struct combiner_op op; /* first: the combiner hands it back */
    struct ctx *ctx;
    char *token;
};

struct admission {
    const struct gateway_peers *peers;
    const struct token_key *key;
    struct combiner *combiner;
    void *blocks[LANES]; /* an arena a lane: a batch belongs to no single request */
};

static enum status read_state(struct ctx *ctx, const Boxoffice__Queue__V1__TokenState *state)
{
    enum status status = ST_TOKEN_INVALID;
    if (strcmp(state->code, "OK") == 0)
        return ST_OK;
    (void)status_from_name(state->code, &status);
    if (status == ST_NOT_YOUR_TURN) {
        const int64_t seconds = (state->next_poll_ms + 999) / 1000;
        ctx_note(ctx, "position", "%" PRId64, state->position);
        ctx_note(ctx, "retry_after", "%" PRId64, seconds < 1 ? 1 : seconds);
    }
    return ctx_fail(ctx, status, "the queue says %s", state->code);
}

static void refuse_all(struct combiner_op *const ops[], size_t count, enum status status,
                       const char *why)
{
    for (size_t i = 0; i < count; i++)
        ops[i]->status = ctx_fail(((struct question *)ops[i])->ctx, status, "%s", why);
}

static void ask(void *self, size_t lane, struct combiner_op *const ops[], size_t count)
{
    struct admission *admission = self;
    struct arena arena;
    struct ctx ctx;
    arena_init(&arena, admission->blocks[lane], ARENA_SIZE);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, TIMEOUT_MS);

    char *tokens[BATCH_MAX];
    for (size_t i = 0; i < count; i++)
        tokens[i] = ((struct question *)ops[i])->token;
    Boxoffice__Queue__V1__VerifyTokensRequest request =
        BOXOFFICE__QUEUE__V1__VERIFY_TOKENS_REQUEST__INIT;
    request.tokens = tokens;
    request.n_tokens = count;
    Boxoffice__Queue__V1__VerifyTokensResponse *response = NULL;
    const enum status status =
        gateway_call(&ctx, admission->peers, CALL_VERIFY_TOKENS, &request.base, &response);
    if (status != ST_OK || response->n_states != count) {
        refuse_all(ops, count, status == ST_OK ? ST_INTERNAL : status, ctx.detail);
        return;
    }
    for (size_t i = 0; i < count; i++)
        ops[i]->status = read_state(((struct question *)ops[i])->ctx, response->states[i]);
}

struct admission *admission_new(const struct gateway_peers *peers, const struct token_key *key)
{
    struct admission *admission = calloc(1, sizeof *admission);
    if (admission == NULL)
        abort();
    admission->peers = peers;
    admission->key = key;
    for (size_t i = 0; i < LANES; i++) {
        admission->blocks[i] = malloc(ARENA_SIZE);
        if (admission->blocks[i] == NULL)
            abort();
    }
    admission->combiner = combiner_new(&(struct combiner_options){.lanes = LANES,
                                                                  .batch_max = BATCH_MAX,
                                                                  .queue_max = QUEUE_MAX,
                                                                  .run = ask,
                                                                  .self = admission});
    return admission;
}

void admission_free(struct admission **admission)
{
    if (*admission == NULL)
        return;
    combiner_close((*admission)->combiner);
    combiner_free(&(*admission)->combiner);
    for (size_t i = 0; i < LANES; i++)
        free((*admission)->blocks[i]);
    free(*admission);
    *admission = NULL;
}

bool admission_read_bearer(const struct http_request *request, const char **ret_token)
{
    static const char scheme[] = "Bearer ";
    const char *header = http_header(request, "Authorization");
    if (header == NULL || strncasecmp(header, scheme, sizeof scheme - 1) != 0)
        return false;
    *ret_token = header + sizeof scheme - 1;
    return true;
}

enum status admission_identify(struct ctx *ctx, struct admission *admission,
                               const struct http_request *request, struct caller *ret_caller)
{
    const char *token;
    if (http_header(request, "Authorization") == NULL)
        return ctx_fail(ctx, ST_TOKEN_REQUIRED, "no Authorization header");
    if (!admission_read_bearer(request, &token))
        return ctx_fail(ctx, ST_TOKEN_INVALID, "Authorization is not Bearer");
    TRY(token_verify(ctx, admission->key, token, &ret_caller->claims));
    ret_caller->token = token;
    return ST_OK;
}

enum status admission_require_turn(struct ctx *ctx, struct admission *admission,
                                   const struct http_request *request, struct caller *ret_caller)
{
    TRY(admission_identify(ctx, admission, request, ret_caller));
    struct question question = {
        .op = {.key = base_hash64(ret_caller->claims.token_id.text)},
        .ctx = ctx,
        .token = arena_strdup(ctx->arena, ret_caller->token),
    };
    if (question.token == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    return combiner_submit(admission->combiner, ctx, &question.op);
}
