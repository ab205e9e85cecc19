/* grpc.health.v1.Health: Check and Watch. */
#include <stdlib.h>
#include <string.h>

#include "grpc/health/v1/health.pb-c.h"
#include "rpc_fixture.h"

typedef Grpc__Health__V1__HealthCheckRequest CheckRequest;
typedef Grpc__Health__V1__HealthCheckResponse CheckResponse;

#define STATUS(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

enum { WATCHERS_MAX = 1023 }; /* of a server, as rpc/internal.h has it, but for our client's own */

static const struct rpc_call_type check_type = {
    "/grpc.health.v1.Health/Check", &grpc__health__v1__health_check_response__descriptor};
static const struct rpc_call_type watch_type = {
    "/grpc.health.v1.Health/Watch", &grpc__health__v1__health_check_response__descriptor};

static int health(const char *name)
{
    CheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    CheckResponse *response = NULL;
    request.service = arena_strdup(ctx.arena, name);
    ctx_forgive(&ctx);
    return rpc_call(&ctx, client, &check_type, &request.base, &response) == ST_OK
               ? (int)response->status
               : -1;
}

START_TEST(check_follows_what_the_server_is_told)
{
    ck_assert_int_eq(health(""), STATUS(NOT_SERVING));
    rpc_server_set_serving(server, true);
    ck_assert_int_eq(health(""), STATUS(SERVING));
    ck_assert_int_eq(health("test.v1.EchoService"), STATUS(SERVING));
    ck_assert_int_eq(health("no.such.Service"), -1);
    rpc_server_set_serving(server, false);
    ck_assert_int_eq(health(""), STATUS(NOT_SERVING));
    /* It takes calls all the same, and says so: it answers for itself. */
    ck_assert_int_eq(health("grpc.health.v1.Health"), STATUS(SERVING));
}
END_TEST

/* --- Watch --- */

struct onlooker {
    _Atomic int newest; /* status plus one, 0: nothing yet */
    _Atomic int messages, ended;
    enum status status;
    struct rpc_subscription *subscription;
};

static void on_health(void *self, const ProtobufCMessage *message)
{
    struct onlooker *onlooker = self;
    atomic_store(&onlooker->newest, (int)((const CheckResponse *)message)->status + 1);
    atomic_fetch_add(&onlooker->messages, 1);
}

static void on_end(void *self, enum status status)
{
    struct onlooker *onlooker = self;
    onlooker->status = status;
    atomic_fetch_add(&onlooker->ended, 1);
}

static void watch(struct onlooker *onlooker, const char *name)
{
    CheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    request.service = arena_strdup(ctx.arena, name);
    *onlooker = (struct onlooker){0};
    ck_assert_int_eq(rpc_subscribe(&ctx, client, &watch_type, &request.base, on_health, on_end,
                                   onlooker, &onlooker->subscription),
                     ST_OK);
}

static void wait_until(struct onlooker *onlooker, int status)
{
    for (int i = 0; i < 30000 && atomic_load(&onlooker->newest) != status + 1; i++)
        pause_ms(1);
    ck_assert_int_eq(atomic_load(&onlooker->newest), status + 1);
}

START_TEST(watch_tells_the_state_at_once_and_every_change)
{
    struct onlooker all, mine, none;
    watch(&all, "");
    watch(&mine, "test.v1.EchoService");
    watch(&none, "no.such.Service");
    wait_until(&all, STATUS(NOT_SERVING));
    wait_until(&mine, STATUS(NOT_SERVING));
    wait_until(&none, STATUS(SERVICE_UNKNOWN));
    for (int round = 0; round < 3; round++) {
        rpc_server_set_serving(server, true);
        wait_until(&all, STATUS(SERVING));
        wait_until(&mine, STATUS(SERVING));
        rpc_server_set_serving(server, false);
        wait_until(&all, STATUS(NOT_SERVING));
        wait_until(&mine, STATUS(NOT_SERVING));
    }
    ck_assert_int_eq(atomic_load(&none.newest), STATUS(SERVICE_UNKNOWN) + 1);
    /* What is no change is not told. */
    const int told = atomic_load(&all.messages);
    rpc_server_set_serving(server, false);
    ck_assert_int_eq(health(""), STATUS(NOT_SERVING));
    ck_assert_int_eq(atomic_load(&all.messages), told);
    rpc_unsubscribe(&all.subscription);
    rpc_unsubscribe(&mine.subscription);
    rpc_unsubscribe(&none.subscription);
}
END_TEST

START_TEST(a_stopping_server_tells_its_watchers_and_ends_their_streams)
{
    static const char *const names[] = {"", "grpc.health.v1.Health"};
    struct onlooker onlookers[2];
    rpc_server_set_serving(server, true);
    for (size_t i = 0; i < 2; i++) {
        watch(&onlookers[i], names[i]);
        wait_until(&onlookers[i], STATUS(SERVING));
    }
    rpc_server_stop(&server, 50, 10000);
    for (size_t i = 0; i < 2; i++) {
        wait_for(&onlookers[i].ended, 1);
        ck_assert_int_eq(atomic_load(&onlookers[i].newest), STATUS(NOT_SERVING) + 1);
        ck_assert_int_eq(onlookers[i].status, ST_UNAVAILABLE);
        rpc_unsubscribe(&onlookers[i].subscription);
    }
}
END_TEST

START_TEST(watchers_beyond_the_limit_are_refused_until_some_go)
{
    static struct onlooker onlookers[WATCHERS_MAX + 1];
    for (size_t i = 0; i < WATCHERS_MAX; i++) {
        watch(&onlookers[i], "");
        wait_until(&onlookers[i], STATUS(NOT_SERVING));
    }
    struct onlooker *late = &onlookers[WATCHERS_MAX];
    watch(late, "");
    wait_for(&late->ended, 1);
    ck_assert_int_eq(late->status, ST_OVERLOADED);
    rpc_unsubscribe(&late->subscription);

    for (size_t i = 0; i < WATCHERS_MAX; i++)
        rpc_unsubscribe(&onlookers[i].subscription);
    /* The server learns of it in its own time. */
    for (int i = 0; i < 10000 && atomic_load(&late->newest) == 0; i++) {
        arena_reset(ctx.arena);
        watch(late, "");
        while (atomic_load(&late->newest) == 0 && atomic_load(&late->ended) == 0)
            pause_ms(1);
        if (atomic_load(&late->newest) == 0)
            rpc_unsubscribe(&late->subscription);
    }
    ck_assert_int_eq(atomic_load(&late->newest), STATUS(NOT_SERVING) + 1);
    rpc_unsubscribe(&late->subscription);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        check_follows_what_the_server_is_told,
        watch_tells_the_state_at_once_and_every_change,
        a_stopping_server_tells_its_watchers_and_ends_their_streams,
        watchers_beyond_the_limit_are_refused_until_some_go,
    };
    return run_tests("rpc_health", set_up, tear_down, tests, ARRAY_LEN(tests));
}
