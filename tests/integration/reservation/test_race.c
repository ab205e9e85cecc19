/* Many at once over two instances, with time passing in between: one outcome each, and no deadlock
 * (tear_down asks the server for its count). */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* --- holds, cancels, payments and lapses, all at once --- */

enum { HOLD_MS = 120, SEATS = 8 };

static _Atomic int confirmed, held;
static _Atomic bool is_over;

static bool move_by(struct worker *worker, enum claim_event event, struct claim *claim,
                    const char *payment_id)
{
    bool moved = false;
    const struct claim_move move = {
        .event = event, .claim = claim, .payment_id = payment_id, .lease_ms = HOLD_MS};
    ctx_forgive(&worker->ctx);
    const enum status status = claim_store_move(&worker->ctx, worker->db, &move, claim, &moved);
    ck_assert_msg(status == ST_OK, "%s: %s", status_name(status), worker->ctx.detail);
    return moved;
}

/* What becomes of a hold; false when it is this user's for good. */
static bool go_on(struct worker *worker, struct claim *claim)
{
    struct uuid payment;
    uuid_v4(&payment);
    switch (rand_r(&worker->seed) % 8) {
    case 0:
    case 1:
    case 2: /* changed their mind, perhaps too late */
        move_by(worker, CLAIM_CANCEL, claim, "");
        return true;
    case 3: /* the balance was too low */
        if (move_by(worker, CLAIM_BEGIN, claim, payment.text))
            move_by(worker, CLAIM_RELEASE, claim, payment.text);
        return true;
    case 4: /* pays, perhaps at the last moment */
        if (rand_r(&worker->seed) % 6 != 0 || !move_by(worker, CLAIM_BEGIN, claim, payment.text) ||
            !move_by(worker, CLAIM_CONFIRM, claim, payment.text))
            return true;
        atomic_fetch_add(&confirmed, 1);
        return false;
    default: /* forgets it */
        return true;
    }
}

/* For some lives of a hold, and until seats were sold again and again. */
static bool goes_on(int64_t begun_us)
{
    const int64_t took_ms = (clock_monotonic_us() - begun_us) / 1000;
    return took_ms < 8 * HOLD_MS || (atomic_load(&held) <= 2 * SEATS && took_ms < 30000);
}

static void *come_and_go(void *self)
{
    struct worker *worker = self;
    begin(worker);
    const int64_t begun_us = clock_monotonic_us();
    while (goes_on(begun_us)) {
        struct claim claim;
        bool replayed;
        struct claim_wish wish = wish_of(worker->user_id.text, 1 + rand_r(&worker->seed) % SEATS);
        wish.hold_ttl_ms = HOLD_MS;
        arena_reset(&worker->arena);
        ctx_forgive(&worker->ctx);
        const enum status status =
            claim_store_reserve(&worker->ctx, worker->db, &wish, &claim, &replayed);
        ck_assert_msg(status == ST_OK || status == ST_SEAT_HELD || status == ST_SEAT_SOLD ||
                          status == ST_ONE_SEAT_PER_DATE,
                      "%s: %s", status_name(status), worker->ctx.detail);
        if (status != ST_OK) {
            usleep(1000);
            continue;
        }
        worker->holds++;
        atomic_fetch_add(&held, 1);
        if (!go_on(worker, &claim))
            break;
    }
    return NULL;
}

static void *sweep_on(void *self)
{
    struct worker *worker = self;
    begin(worker);
    while (!atomic_load(&is_over)) {
        int64_t swept;
        arena_reset(&worker->arena);
        ck_assert_int_eq(claim_store_sweep(&worker->ctx, worker->db, 10, &swept), ST_OK);
        worker->holds += (size_t)swept;
    }
    return NULL;
}

START_TEST(what_comes_and_goes_on_two_instances_leaves_one_owner_a_seat)
{
    enum { USERS = 40 };
    static struct worker workers[USERS], sweepers[2];
    char count[24];
    size_t holds = 0;
    memset(workers, 0, sizeof workers);
    memset(sweepers, 0, sizeof sweepers);
    atomic_store(&confirmed, 0);
    atomic_store(&held, 0);
    atomic_store(&is_over, false);
    for (size_t i = 0; i < 2; i++) {
        sweepers[i].db = i == 0 ? db : second;
        pthread_create(&sweepers[i].thread, NULL, sweep_on, &sweepers[i]);
    }
    for (unsigned i = 0; i < USERS; i++)
        workers[i] =
            (struct worker){.db = i % 2 == 0 ? db : second, .seed = i + 1, .user_id = user()};
    run_all(workers, USERS, come_and_go);
    atomic_store(&is_over, true);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(sweepers[i].thread, NULL);
        free(sweepers[i].block);
    }
    /* What was told is what is there: each hold a row that stays, each sale a confirmed one. */
    for (size_t i = 0; i < USERS; i++)
        holds += workers[i].holds;
    snprintf(count, sizeof count, "%zu", holds);
    ck_assert_str_eq(ask("SELECT count(*) FROM reservation"), count);
    snprintf(count, sizeof count, "%d", atomic_load(&confirmed));
    ck_assert_str_eq(ask("SELECT count(*) FROM reservation WHERE status = 'CONFIRMED'"), count);
    ck_assert_uint_gt(holds, 2 * SEATS); /* seats were sold again and again */
    check_invariants();
}
END_TEST

/* --- the pool --- */

static void *want_one(void *self)
{
    struct worker *worker = self;
    begin(worker);
    struct claim claim;
    bool replayed;
    const struct claim_wish wish = wish_of(worker->user_id.text, 1 + worker->seed);
    const enum status status =
        claim_store_reserve(&worker->ctx, worker->db, &wish, &claim, &replayed);
    ck_assert_msg(status == ST_OK || status == ST_SEAT_HELD, "%s: %s", status_name(status),
                  worker->ctx.detail);
    worker->holds = status == ST_OK;
    return NULL;
}

/* NOTES: connection-pool size changes the outcome. */
START_TEST(the_size_of_the_pool_changes_no_outcome)
{
    enum { USERS = 60, WANTED = 10 };
    static const size_t sizes[][2] = {{1, 1}, {1, 64}, {2, 7}, {8, 64}};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        static struct worker workers[USERS];
        size_t won[WANTED] = {0};
        struct db *pool = open_pool(sizes[i][0], sizes[i][1]);
        memset(workers, 0, sizeof workers);
        ask("TRUNCATE reservation");
        for (unsigned at = 0; at < USERS; at++)
            workers[at] = (struct worker){.db = pool, .seed = at % WANTED, .user_id = user()};
        run_all(workers, USERS, want_one);
        for (size_t at = 0; at < USERS; at++)
            won[at % WANTED] += workers[at].holds;
        for (size_t seat = 0; seat < WANTED; seat++)
            ck_assert_msg(won[seat] == 1, "pool %zu: seat %zu was won %zu times", i, seat,
                          won[seat]);
        db_free(&pool);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        keys_used_for_two_dates_at_once_do_not_deadlock,
        what_comes_and_goes_on_two_instances_leaves_one_owner_a_seat,
        the_size_of_the_pool_changes_no_outcome,
    };
    return run_cases("races", tests, ARRAY_LEN(tests));
}
