#include "fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"
#include "db/migrate.h"

struct support_redis redis;
struct support_postgres postgres;
struct instance instances[INSTANCES];
struct policy settings;

static char owner_url[SUPPORT_URL_SIZE];
static char app_url[SUPPORT_URL_SIZE];

extern const struct db_migration queue_migrations[];
extern const size_t queue_migration_count;

void fixture_start(void)
{
    struct actor actor = {0};
    support_redis_start(&redis, &(struct support_redis_options){.append_only = true});
    support_postgres_start(&postgres);
    support_postgres_add_service(&postgres, "queue", owner_url, app_url);
    ck_assert_int_eq(
        db_migrate(actor_begin(&actor), owner_url, queue_migrations, queue_migration_count), ST_OK);
    actor_done(&actor);
}

const char *fixture_app_url(void)
{
    return app_url;
}

void fixture_stop(void)
{
    support_postgres_stop(&postgres);
    support_redis_stop(&redis);
}

void instance_start(struct instance *instance)
{
    ck_assert_int_eq(kv_new(&(struct kv_options){.url = redis.url}, &instance->kv), ST_OK);
    ck_assert_int_eq(db_new(&(struct db_options){.url = app_url}, &instance->db), ST_OK);
    instance->store = queue_store_new(instance->kv, instance->db, &settings);
}

void instance_stop(struct instance *instance)
{
    queue_store_free(&instance->store);
    kv_free(&instance->kv);
    db_free(&instance->db);
}

void fixture_set_up(void)
{
    support_redis_wipe(&redis);
    (void)support_postgres_psql(owner_url, "TRUNCATE line_event, line");

    settings = (struct policy){
        .kind = POLICY_COUNTER,
        .capacity = 1,
        .admit_batch = 1,
        .admit_interval_ms = 1000,
        .active_ttl_ms = 600000,
        .absent_ms = 60000,
    };
    for (int i = 0; i < INSTANCES; i++)
        instance_start(&instances[i]);
}

void fixture_tear_down(void)
{
    for (int i = 0; i < INSTANCES; i++)
        instance_stop(&instances[i]);
}

struct ctx *actor_begin(struct actor *actor)
{
    if (!actor->block)
        actor->block = malloc(ACTOR_ARENA);
    ck_assert_ptr_nonnull(actor->block);
    arena_init(&actor->arena, actor->block, ACTOR_ARENA);
    ctx_init(&actor->ctx, &actor->arena);
    ctx_set_timeout_ms(&actor->ctx, PATIENCE_MS);
    return &actor->ctx;
}

void actor_done(struct actor *actor)
{
    free(actor->block);
    actor->block = NULL;
}

struct uuid user_uuid(int n)
{
    struct uuid uuid;
    snprintf(uuid.text, sizeof uuid.text, "0190a6b2-0000-7000-8000-%012x", (unsigned int)n);
    return uuid;
}

static struct actor alone; /* the test's own thread */

bool join_created(int instance, int user, struct place *ret_place)
{
    struct uuid user_id = user_uuid(user);
    struct uuid token_id;
    bool created;
    uuid_v7(&token_id);
    enum status status = queue_store_issue(actor_begin(&alone), instances[instance].store, "main",
                                           &user_id, &token_id, ret_place, &created);
    ck_assert_msg(status == ST_OK, "%s: %s", status_name(status), alone.ctx.detail);
    return created;
}

struct place join(int instance, int user)
{
    struct place place;
    (void)join_created(instance, user, &place);
    return place;
}

static void look_as(int instance, struct place *place, bool is_present)
{
    enum status status = queue_store_look(actor_begin(&alone), instances[instance].store,
                                          place->queue, &place, 1, is_present);
    ck_assert_msg(status == ST_OK, "%s: %s", status_name(status), alone.ctx.detail);
}

void look(int instance, struct place *place)
{
    look_as(instance, place, true);
}

enum place_status peek(int instance, const struct place *place)
{
    struct place copy = *place;
    look_as(instance, &copy, false);
    return copy.status;
}

bool end(int instance, const struct place *place, enum expire_reason reason)
{
    bool expired;
    enum status status =
        queue_store_expire(actor_begin(&alone), instances[instance].store, place->queue,
                           &place->user_id, &place->token_id, reason, &expired);
    ck_assert_msg(status == ST_OK, "%s: %s", status_name(status), alone.ctx.detail);
    return expired;
}

void set_policy(int instance, const struct policy *policy)
{
    enum status status =
        queue_store_set_policy(actor_begin(&alone), instances[instance].store, "main", policy);
    ck_assert_msg(status == ST_OK, "%s: %s", status_name(status), alone.ctx.detail);
}

struct line_figures figures(int instance)
{
    struct line_figures result;
    enum status status =
        queue_store_figures(actor_begin(&alone), instances[instance].store, "main", &result);
    ck_assert_msg(status == ST_OK, "%s: %s", status_name(status), alone.ctx.detail);
    return result;
}

void tick(int instance)
{
    queue_store_tick(actor_begin(&alone), instances[instance].store);
}

bool wait_for_status(int instance, struct place *place, enum place_status status)
{
    for (int64_t end_us = clock_monotonic_us() + PATIENCE_MS * 1000;
         clock_monotonic_us() < end_us;) {
        look(instance, place);
        if (place->status == status)
            return true;
        usleep(10000);
    }
    return false;
}

int64_t ask_log(const char *sql)
{
    tick(0);
    queue_store_drain(actor_begin(&alone), instances[0].store);
    const char *answer = support_postgres_psql(owner_url, sql);
    int64_t value = -1;
    ck_assert_msg(base_parse_int64(answer, &value), "%s: \"%s\"", sql, answer);
    return value;
}

void assert_log_is_in_order(void)
{
    ck_assert_int_eq(
        ask_log("SELECT count(*) FROM (SELECT queue, sequence FROM line_event"
                " WHERE sequence > 0 GROUP BY queue, sequence"
                " HAVING count(DISTINCT user_id) > 1 OR count(DISTINCT token_id) > 1) x"),
        0);
    ck_assert_int_eq(ask_log("SELECT count(*) FROM (SELECT sequence, max(sequence)"
                             "   OVER (PARTITION BY queue ORDER BY epoch, entry) AS highest"
                             " FROM line_event WHERE event = 'ADMITTED' AND reason = 'TURN') x"
                             " WHERE sequence < highest"),
                     0);
    ck_assert_int_eq(
        ask_log("SELECT count(*) FROM line_event WHERE event = 'ADMITTED' AND active > capacity"),
        0);
    ck_assert_int_eq(ask_log("SELECT count(*) FROM (SELECT token_id FROM line_event"
                             " WHERE event = 'ADMITTED' GROUP BY token_id HAVING count(*) > 1) x"),
                     0);
    ck_assert_int_eq(ask_log("SELECT count(*) FROM (SELECT token_id FROM line_event"
                             " WHERE event = 'ENDED' GROUP BY token_id HAVING count(*) > 1) x"),
                     0);
    ck_assert_int_eq(ask_log("SELECT count(*) FROM (SELECT queue, epoch FROM line_event"
                             " GROUP BY queue, epoch HAVING count(*) <> max(entry)) x"),
                     0);
}
