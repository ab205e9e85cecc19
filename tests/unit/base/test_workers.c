/* The pool under many submitters: no job is lost, forgotten while all workers sleep, or run twice.
 */
#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/workers.h"

enum { SUBMITTERS = 4, ROUNDS = 400, BURST = 8, IN_FLIGHT_MAX = 64 };

struct job {
    _Atomic int runs;
    sem_t *done;
};

static void run_short(void *self, struct arena *arena)
{
    struct job *job = self;
    (void)arena;
    atomic_fetch_add(&job->runs, 1);
    sem_post(job->done);
}

/* Bursts with a full stop after each, so that workers go to sleep and must be woken again. */
static void *submit_bursts(void *self)
{
    struct workers *workers = self;
    sem_t done;
    sem_init(&done, 0, 0);
    for (int round = 0; round < ROUNDS; round++) {
        struct job jobs[BURST] = {0};
        for (size_t i = 0; i < BURST; i++) {
            jobs[i].done = &done;
            ck_assert(workers_submit(workers, &jobs[i]));
        }
        for (size_t i = 0; i < BURST; i++)
            sem_wait(&done);
        for (size_t i = 0; i < BURST; i++)
            ck_assert_int_eq(atomic_load(&jobs[i].runs), 1);
    }
    sem_destroy(&done);
    return NULL;
}

START_TEST(every_job_of_many_bursts_runs_once)
{
    struct workers *workers = workers_start(3, IN_FLIGHT_MAX, 1024, run_short);
    pthread_t threads[SUBMITTERS];
    for (size_t i = 0; i < SUBMITTERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, submit_bursts, workers), 0);
    for (size_t i = 0; i < SUBMITTERS; i++)
        pthread_join(threads[i], NULL);
    workers_stop(&workers);
    ck_assert_ptr_null(workers);
}
END_TEST

struct meeting {
    pthread_barrier_t all;
};

static void run_meeting(void *self, struct arena *arena)
{
    struct meeting *meeting = self;
    (void)arena;
    pthread_barrier_wait(&meeting->all);
}

/* Each job waits for all others: with one worker fewer awake none would ever end. */
START_TEST(jobs_that_block_get_a_worker_each)
{
    enum { WORKERS = 8 };
    struct workers *workers = workers_start(WORKERS, IN_FLIGHT_MAX, 1024, run_meeting);
    struct meeting meeting;
    for (int round = 0; round < 50; round++) {
        pthread_barrier_init(&meeting.all, NULL, WORKERS + 1);
        for (size_t i = 0; i < WORKERS; i++)
            ck_assert(workers_submit(workers, &meeting));
        pthread_barrier_wait(&meeting.all);
        while (workers_in_flight(workers) > 0)
            sched_yield();
        pthread_barrier_destroy(&meeting.all);
    }
    workers_stop(&workers);
}
END_TEST

START_TEST(what_was_submitted_before_a_stop_still_runs)
{
    struct workers *workers = workers_start(2, IN_FLIGHT_MAX, 1024, run_short);
    sem_t done;
    sem_init(&done, 0, 0);
    struct job jobs[IN_FLIGHT_MAX] = {0};
    for (size_t i = 0; i < IN_FLIGHT_MAX; i++) {
        jobs[i].done = &done;
        ck_assert(workers_submit(workers, &jobs[i]));
    }
    workers_stop(&workers);
    for (size_t i = 0; i < IN_FLIGHT_MAX; i++)
        ck_assert_int_eq(atomic_load(&jobs[i].runs), 1);
    sem_destroy(&done);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("workers");
    TCase *tcase = tcase_create("workers");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, every_job_of_many_bursts_runs_once);
    tcase_add_test(tcase, jobs_that_block_get_a_worker_each);
    tcase_add_test(tcase, what_was_submitted_before_a_stop_still_runs);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
