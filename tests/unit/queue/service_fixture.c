#include "service_fixture.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "fake_queue_store.h"
#include "service.h"

char user_text[] = "0190a6b2-0000-7000-8000-000000000001";
char token_text[] = "0190a6b2-0000-7000-8000-0000000000aa";

static unsigned char block[ARENA_SIZE];
struct arena arena;
struct ctx ctx;
struct token_key *key;
struct watch_list *watches;
static struct queue_service service;
struct rpc_service rpc;

void fresh_ctx(void)
{
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, PATIENCE_MS);
}

void set_up(void)
{
    fresh_ctx();
    fake_store = (struct fake_store){
        .created = true,
        .status = PLACE_WAITING,
        .position = 7,
        .expired = true,
        .issued = {.sequence = 12,
                   .issued_at_unix_ms = 1795522993880,
                   .status = PLACE_WAITING,
                   .position = 7},
        .figures = {.policy = {.kind = POLICY_COUNTER,
                               .capacity = 10,
                               .admit_batch = 1,
                               .admit_interval_ms = 1000,
                               .active_ttl_ms = 60000,
                               .absent_ms = 60000},
                    .waiting = 7,
                    .active = 10,
                    .epoch = 1,
                    .last_sequence = 12,
                    .advance_rate_milli = 1000},
    };
    ck_assert_int_eq(token_key_new("0123456789abcdef0123456789abcdef", &key), ST_OK);
    watches = watch_list_start(NULL, 5);
    service = (struct queue_service){.key = key, .watches = watches};
    rpc = queue_rpc_service(&service);
}

void tear_down(void)
{
    watch_list_stop(&watches);
    token_key_free(&key);
}

const struct rpc_method *method(const char *name)
{
    for (size_t i = 0; i < rpc.method_count; i++) {
        if (strcmp(rpc.methods[i].name, name) == 0)
            return &rpc.methods[i];
    }
    ck_abort_msg("no method %s", name);
}

enum status call(const char *name, const void *in, void *out)
{
    return method(name)->handle(&ctx, rpc.self, in, out);
}

char *make_token(const char *queue, int64_t sequence)
{
    struct token_claims claims = {.sequence = sequence, .issued_at_unix_ms = 1795522993880};
    const char *text;
    ck_assert(uuid_parse(user_text, &claims.user_id));
    ck_assert(uuid_parse(token_text, &claims.token_id));
    snprintf(claims.queue, sizeof claims.queue, "%s", queue);
    ck_assert_int_eq(token_sign(&ctx, key, &claims, &text), ST_OK);
    char *copy = strdup(text);
    ck_assert_ptr_nonnull(copy);
    return copy;
}
