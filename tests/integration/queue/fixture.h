/* Two instances' stores of the lines, against a real Redis and a real PostgreSQL. */
#ifndef QUEUE_FIXTURE_H
#define QUEUE_FIXTURE_H

#include "base/ctx.h"
#include "db/db.h"
#include "kv/kv.h"
#include "line.h"
#include "store.h"
#include "support/postgres.h"
#include "support/redis.h"

enum { INSTANCES = 2, PATIENCE_MS = 20000, ACTOR_ARENA = 512 * 1024 };

struct instance {
    struct kv *kv;
    struct db *db;
    struct queue_store *store;
};

extern struct support_redis redis;
extern struct support_postgres postgres;
extern struct instance instances[INSTANCES];
extern struct policy settings; /* of all instances; a test changes it by SetPolicy */

/* Servers once a program; each test begins with an empty Redis and an empty database. */
void fixture_start(void);
void fixture_stop(void);
void fixture_set_up(void);
void fixture_tear_down(void);
const char *fixture_app_url(void);
void instance_start(struct instance *instance);
void instance_stop(struct instance *instance);

/* Somebody with a ctx of their own: one a thread. */
struct actor {
    struct arena arena;
    struct ctx ctx;
    unsigned char *block;
};
struct ctx *actor_begin(struct actor *actor); /* a fresh ctx with PATIENCE_MS */
void actor_done(struct actor *actor);

/* The user and token number n. */
struct uuid user_uuid(int n);

/* What tests do all the time, each with a fresh ctx and asserting ST_OK. */
struct place join(int instance, int user);
bool join_created(int instance, int user, struct place *ret_place);
void look(int instance, struct place *place); /* a poll: counts as a sign of life */
enum place_status peek(int instance, const struct place *place); /* does not */
bool end(int instance, const struct place *place, enum expire_reason reason);
void set_policy(int instance, const struct policy *policy);
struct line_figures figures(int instance);
void tick(int instance);

/* Polls until the place has that status; false after PATIENCE_MS. */
bool wait_for_status(int instance, struct place *place, enum place_status status);

/* One number out of the database, asked as its superuser would; the log is recorded before. */
int64_t ask_log(const char *sql);
/* How often the log breaks a rule: a number that belongs to two users or tokens, somebody admitted
 * before an earlier one who was there, more active than the capacity, an admission twice, a gap in
 * the entries. */
void assert_log_is_in_order(void);

#endif
