#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/combiner.h"

enum { LOG_MAX = 100000, THREADS = 16, ROUNDS = 500 };

/* What the runner saw, and a gate that holds it. */
struct scene {
    struct combiner *combiner;
    pthread_mutex_t gate;
    _Atomic int running[COMBINER_LANES_MAX]; /* batches on a lane right now */
    _Atomic bool overlapped;
    _Atomic int batches;
    _Atomic size_t largest;
    uint64_t keys[LOG_MAX], values[LOG_MAX];
    _Atomic size_t logged;
    bool fails;
};

struct item {
    struct combiner_op op;
    uint64_t value;
};

static void run(void *self, size_t lane, struct combiner_op *const ops[], size_t count)
{
    struct scene *scene = self;
    if (atomic_fetch_add(&scene->running[lane], 1) != 0)
        atomic_store(&scene->overlapped, true);
    pthread_mutex_lock(&scene->gate);
    for (size_t i = 0; i < count; i++) {
        const size_t at = atomic_fetch_add(&scene->logged, 1);
        ck_assert_uint_lt(at, LOG_MAX);
        scene->keys[at] = ops[i]->key;
        scene->values[at] = ((struct item *)ops[i])->value;
        ops[i]->status = scene->fails ? ST_CONFLICT : ST_OK;
    }
    pthread_mutex_unlock(&scene->gate);
    atomic_fetch_add(&scene->batches, 1);
    if (count > atomic_load(&scene->largest))
        atomic_store(&scene->largest, count);
    atomic_fetch_sub(&scene->running[lane], 1);
}

static struct scene *new_scene(size_t lanes, size_t batch_max, size_t queue_max)
{
    struct scene *scene = calloc(1, sizeof *scene);
    pthread_mutex_init(&scene->gate, NULL);
    scene->combiner = combiner_new(&(struct combiner_options){
        .lanes = lanes, .batch_max = batch_max, .queue_max = queue_max, .run = run, .self = scene});
    return scene;
}

static void free_scene(struct scene *scene)
{
    combiner_free(&scene->combiner);
    ck_assert_ptr_null(scene->combiner);
    free(scene);
}

struct caller {
    struct scene *scene;
    uint64_t key, value;
    int64_t timeout_ms; /* 0: none */
    enum status status;
    pthread_t thread;
};

static void *call(void *self)
{
    struct caller *caller = self;
    struct ctx ctx;
    ctx_init(&ctx, NULL);
    if (caller->timeout_ms > 0)
        ctx_set_timeout_ms(&ctx, caller->timeout_ms);
    struct item item = {.op = {.key = caller->key}, .value = caller->value};
    caller->status = combiner_submit(caller->scene->combiner, &ctx, &item.op);
    return NULL;
}

static size_t waiting(struct scene *scene)
{
    struct combiner_stats stats;
    combiner_read_stats(scene->combiner, &stats);
    return stats.waiting;
}

/* Starts a caller and waits until it queues (or leads, when nobody else does). */
static void start(struct caller *caller, size_t wanted_waiting)
{
    const struct timespec moment = {.tv_nsec = 500000};
    pthread_create(&caller->thread, NULL, call, caller);
    for (int i = 0; i < 20000; i++) {
        int running = 0;
        for (size_t lane = 0; lane < COMBINER_LANES_MAX; lane++)
            running += atomic_load(&caller->scene->running[lane]);
        if (running > 0 && waiting(caller->scene) == wanted_waiting)
            return;
        nanosleep(&moment, NULL);
    }
    ck_abort_msg("the caller did not queue");
}

START_TEST(what_waited_runs_as_one_batch_in_key_order_first_come_first_within_a_key)
{
    static const uint64_t keys[] = {9, 3, 7, 3, 1, 7};
    struct scene *scene = new_scene(1, 64, 64);
    struct caller leader = {.scene = scene, .key = 100, .value = 100};
    struct caller followers[ARRAY_LEN(keys)];
    pthread_mutex_lock(&scene->gate);
    start(&leader, 0);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        followers[i] = (struct caller){.scene = scene, .key = keys[i], .value = i};
        start(&followers[i], i + 1);
    }
    pthread_mutex_unlock(&scene->gate);
    pthread_join(leader.thread, NULL);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        pthread_join(followers[i].thread, NULL);
        ck_assert_int_eq(followers[i].status, ST_OK);
    }
    ck_assert_int_eq(atomic_load(&scene->batches), 2);
    static const uint64_t values[] = {100, 4, 1, 3, 2, 5, 0};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        ck_assert_uint_eq(scene->values[i], values[i]);
    free_scene(scene);
}
END_TEST

START_TEST(a_batch_never_exceeds_its_bound_and_everybody_is_served)
{
    struct scene *scene = new_scene(1, 3, 64);
    struct caller leader = {.scene = scene}, followers[10];
    pthread_mutex_lock(&scene->gate);
    start(&leader, 0);
    for (size_t i = 0; i < ARRAY_LEN(followers); i++) {
        followers[i] = (struct caller){.scene = scene, .key = i, .value = i};
        start(&followers[i], i + 1);
    }
    pthread_mutex_unlock(&scene->gate);
    pthread_join(leader.thread, NULL);
    for (size_t i = 0; i < ARRAY_LEN(followers); i++) {
        pthread_join(followers[i].thread, NULL);
        ck_assert_int_eq(followers[i].status, ST_OK);
    }
    ck_assert_uint_eq(atomic_load(&scene->largest), 3);
    ck_assert_int_eq(atomic_load(&scene->batches), 1 + 4); /* 3 + 3 + 3 + 1 */
    free_scene(scene);
}
END_TEST

START_TEST(a_failed_batch_tells_every_caller)
{
    struct scene *scene = new_scene(1, 64, 64);
    scene->fails = true;
    struct caller leader = {.scene = scene}, follower = {.scene = scene};
    pthread_mutex_lock(&scene->gate);
    start(&leader, 0);
    start(&follower, 1);
    pthread_mutex_unlock(&scene->gate);
    pthread_join(leader.thread, NULL);
    pthread_join(follower.thread, NULL);
    ck_assert_int_eq(leader.status, ST_CONFLICT);
    ck_assert_int_eq(follower.status, ST_CONFLICT);
    free_scene(scene);
}
END_TEST

START_TEST(a_deadline_in_the_queue_leaves_it_without_having_run)
{
    struct scene *scene = new_scene(1, 64, 64);
    struct caller leader = {.scene = scene},
                  hurried = {.scene = scene, .value = 77, .timeout_ms = 30};
    struct caller patient = {.scene = scene, .value = 88};
    pthread_mutex_lock(&scene->gate);
    start(&leader, 0);
    pthread_create(&hurried.thread, NULL, call, &hurried);
    pthread_join(hurried.thread, NULL);
    ck_assert_int_eq(hurried.status, ST_TIMEOUT);
    ck_assert_uint_eq(waiting(scene), 0);
    start(&patient, 1);
    pthread_mutex_unlock(&scene->gate);
    pthread_join(leader.thread, NULL);
    pthread_join(patient.thread, NULL);
    ck_assert_int_eq(patient.status, ST_OK);
    ck_assert_uint_eq(atomic_load(&scene->logged), 2);
    for (size_t i = 0; i < 2; i++)
        ck_assert_uint_ne(scene->values[i], 77);
    free_scene(scene);
}
END_TEST

START_TEST(a_full_queue_refuses_and_a_closed_one_turns_away_who_waits)
{
    struct scene *scene = new_scene(1, 64, 2);
    struct caller leader = {.scene = scene}, first = {.scene = scene}, second = {.scene = scene};
    struct caller third = {.scene = scene}, late = {.scene = scene};
    pthread_mutex_lock(&scene->gate);
    start(&leader, 0);
    start(&first, 1);
    start(&second, 2);
    call(&third);
    ck_assert_int_eq(third.status, ST_OVERLOADED);
    combiner_close(scene->combiner);
    pthread_join(first.thread, NULL);
    pthread_join(second.thread, NULL);
    ck_assert_int_eq(first.status, ST_UNAVAILABLE);
    ck_assert_int_eq(second.status, ST_UNAVAILABLE);
    pthread_mutex_unlock(&scene->gate);
    pthread_join(leader.thread, NULL);
    ck_assert_int_eq(leader.status, ST_OK);
    call(&late);
    ck_assert_int_eq(late.status, ST_UNAVAILABLE);
    ck_assert_uint_eq(atomic_load(&scene->logged), 1);
    free_scene(scene);
}
END_TEST

struct crowd {
    struct scene *scene;
    uint64_t index;
    int served;
};

static void *call_often(void *self)
{
    struct crowd *crowd = self;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct caller caller = {.scene = crowd->scene,
                                .key = (crowd->index * 31 + round) % 13,
                                .value = crowd->index * ROUNDS + round,
                                .timeout_ms = 60000};
        call(&caller);
        crowd->served += caller.status == ST_OK;
    }
    return NULL;
}

START_TEST(a_crowd_is_served_once_each_and_lanes_never_overlap)
{
    struct scene *scene = new_scene(3, 8, 64);
    struct crowd crowd[THREADS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        crowd[i] = (struct crowd){.scene = scene, .index = i};
        pthread_create(&threads[i], NULL, call_often, &crowd[i]);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(crowd[i].served, ROUNDS);
    }
    ck_assert(!atomic_load(&scene->overlapped));
    ck_assert_uint_eq(atomic_load(&scene->logged), THREADS * ROUNDS);
    static unsigned char seen[THREADS * ROUNDS];
    for (size_t i = 0; i < THREADS * ROUNDS; i++) {
        ck_assert_uint_eq(seen[scene->values[i]], 0);
        seen[scene->values[i]] = 1;
    }
    struct combiner_stats stats;
    combiner_read_stats(scene->combiner, &stats);
    ck_assert_uint_eq(stats.operations, THREADS * ROUNDS);
    ck_assert_uint_le(stats.largest_batch, 8);
    free_scene(scene);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("combiner");
    tcase_set_timeout(cases, 100);
    tcase_add_test(cases, what_waited_runs_as_one_batch_in_key_order_first_come_first_within_a_key);
    tcase_add_test(cases, a_batch_never_exceeds_its_bound_and_everybody_is_served);
    tcase_add_test(cases, a_failed_batch_tells_every_caller);
    tcase_add_test(cases, a_deadline_in_the_queue_leaves_it_without_having_run);
    tcase_add_test(cases, a_full_queue_refuses_and_a_closed_one_turns_away_who_waits);
    tcase_add_test(cases, a_crowd_is_served_once_each_and_lanes_never_overlap);
    Suite *suite = suite_create("combiner");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
