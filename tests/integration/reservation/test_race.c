/* Many at once over two instances, with time passing in between: one outcome each, and no deadlock
 * (tear_down asks the server for its count). */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claim_fixture.h"

enum { ARENA_SIZE = 256 * 1024 };

struct worker {
    pthread_t thread;
    struct db *db;
    unsigned seed;
    struct uuid user_id;
    const char *date;
    size_t rounds, holds, refusals;
    struct ctx ctx;
    struct arena arena;
    void *block;
};

static void begin(struct worker *worker)
{
    worker->block = malloc(ARENA_SIZE);
    arena_init(&worker->arena, worker->block, ARENA_SIZE);
    ctx_init(&worker->ctx, &worker->arena);
    ctx_set_timeout_ms(&worker->ctx, 60000);
}

static void run_all(struct worker workers[], size_t count, void *(*run)(void *))
{
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, run, &workers[i]), 0);
    for (size_t i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
    for (size_t i = 0; i < count; i++)
        free(workers[i].block);
}

/* --- one key, two dates --- */

static void *use_keys(void *self)
{
    struct worker *worker = self;
    begin(worker);
    for (size_t i = 0; i < worker->rounds; i++) {
        char key[32];
        struct claim claim;
        bool replayed;
        snprintf(key, sizeof key, "key-%zu", i);
        struct claim_wish wish = wish_of(worker->user_id.text, 1 + worker->seed % 5000);
        wish.date = worker->date;
        wish.idempotency_key = key;
        arena_reset(&worker->arena);
        ctx_forgive(&worker->ctx);
        const enum status status =
            claim_store_reserve(&worker->ctx, worker->db, &wish, &claim, &replayed);
        ck_assert_msg(status == ST_OK || status == ST_IDEMPOTENCY_KEY_REUSED ||
                          status == ST_ONE_SEAT_PER_DATE,
                      "%s: %s", status_name(status), worker->ctx.detail);
        worker->holds += status == ST_OK;
        worker->refusals += status == ST_IDEMPOTENCY_KEY_REUSED;
        if (status != ST_OK)
            continue;
        bool moved;
        const struct claim_move cancel = {.event = CLAIM_CANCEL, .claim = &claim, .payment_id = ""};
        ck_assert_int_eq(claim_store_move(&worker->ctx, worker->db, &cancel, &claim, &moved),
                         ST_OK);
    }
    return NULL;
}

/* Two instances meet the same users' keys in another order each: their locks are what keeps them
 * from waiting for each other in a circle. */
START_TEST(keys_used_for_two_dates_at_once_do_not_deadlock)
{
    enum { USERS = 48, ROUNDS = 12 };
    static struct worker workers[2 * USERS];
    memset(workers, 0, sizeof workers);
    for (unsigned i = 0; i < USERS; i++) {
        const struct uuid id = user();
        workers[2 * i] = (struct worker){
            .db = db, .seed = i, .user_id = id, .date = "2030-01-01", .rounds = ROUNDS};
        workers[2 * i + 1] = (struct worker){
            .db = second, .seed = i, .user_id = id, .date = "2030-01-02", .rounds = ROUNDS};
    }
    run_all(workers, 2 * USERS, use_keys);
    /* Of each key one request took effect. */
    for (size_t i = 0; i < USERS; i++)
        ck_assert_uint_eq(workers[2 * i].holds + workers[2 * i + 1].holds, ROUNDS);
    ck_assert_str_eq(ask("SELECT count(*) FROM (SELECT 1 FROM reservation GROUP BY user_id,"
                         " idempotency_key HAVING count(*) > 1) AS twice"),
                     "0");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        keys_used_for_two_dates_at_once_do_not_deadlock,
    };
    return run_cases("races", tests, ARRAY_LEN(tests));
}
