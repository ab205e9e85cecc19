#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "concert_fixture.h"

enum { LOOKS_MAX = 20000, LOOK_US = 1000 };

static const struct moment_question one_date = {.concert_id = CONCERT_ID,
                                                .from = "2090-01-01",
                                                .through = "2090-01-01",
                                                .dates_max = CATALOG_THROUGH_MAX};
static const struct moment_question all_dates = {
    .concert_id = CONCERT_ID, .from = "2090-01-01", .through = "", .dates_max = CATALOG_DATES_MAX};

static struct moment *see(const struct moment_question *question)
{
    struct moment *moment = NULL;
    ck_assert_int_eq(moments_see(&ctx, moments, question, &moment), ST_OK);
    return moment;
}

/* The held bits of the first date. */
static uint8_t held_now(void)
{
    scoped(moment_release) struct moment *moment = see(&one_date);
    return moment->occupancies[0].held.bytes[0];
}

struct reader {
    pthread_t thread;
    const struct moment_question *question;
    size_t reads;
    int64_t timeout_ms;
    enum status status;
    uint8_t held;
};

static void *read_on(void *self)
{
    struct reader *reader = self;
    struct ctx own;
    ctx_init(&own, NULL); /* a flight brings memory of its own */
    for (size_t i = 0; i < reader->reads; i++) {
        scoped(moment_release) struct moment *moment = NULL;
        ctx_forgive(&own);
        if (reader->timeout_ms > 0)
            ctx_set_timeout_ms(&own, reader->timeout_ms);
        reader->status = moments_see(&own, moments, reader->question, &moment);
        if (reader->status == ST_OK)
            reader->held = moment->occupancies[0].held.bytes[0];
    }
    return NULL;
}

static void start(struct reader *reader)
{
    ck_assert_int_eq(pthread_create(&reader->thread, NULL, read_on, reader), 0);
}

static void wait_for_gate(size_t count)
{
    for (int i = 0; i < LOOKS_MAX && fake_catalog_at_gate() < count; i++)
        usleep(LOOK_US);
    ck_assert_uint_ge(fake_catalog_at_gate(), count);
}

START_TEST(ten_thousand_readers_of_a_hot_date_cost_one_question_a_moment)
{
    enum { THREADS = 64, READS = 160 };
    static struct reader crowd[THREADS];
    const int64_t begun_us = clock_monotonic_us();
    for (size_t i = 0; i < THREADS; i++) {
        crowd[i] = (struct reader){.question = &one_date, .reads = READS};
        start(&crowd[i]);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(crowd[i].thread, NULL);
        ck_assert_int_eq(crowd[i].status, ST_OK);
    }
    const int64_t took_ms = (clock_monotonic_us() - begun_us) / 1000;
    const struct fake_catalog seen = look();
    ck_assert_uint_le(seen.occupancy_asks, (size_t)(took_ms / MOMENT_SPACE_MS) + 2);
    ck_assert_uint_le(seen.catalog_reads, (size_t)(took_ms / MOMENT_KEEP_MS) + 2);
    /* Nothing changed, so the seats were read with the catalog and never else. */
    ck_assert_uint_eq(seen.maps_given, seen.catalog_reads);
}
END_TEST

START_TEST(a_read_sees_what_was_committed_before_it)
{
    enum { WRITES = 60 };
    struct reader crowd[4];
    for (size_t i = 0; i < ARRAY_LEN(crowd); i++) {
        crowd[i] = (struct reader){.question = &one_date, .reads = WRITES};
        start(&crowd[i]);
    }
    for (uint8_t i = 1; i <= WRITES; i++) {
        set_seats(0, i, 0);
        ck_assert_uint_eq(held_now(), i);
    }
    for (size_t i = 0; i < ARRAY_LEN(crowd); i++)
        pthread_join(crowd[i].thread, NULL);
}
END_TEST

START_TEST(a_flight_in_the_air_is_no_answer_to_a_later_question)
{
    struct reader first = {.question = &one_date, .reads = 1}, later = first;
    fake_catalog_shut_gate();
    start(&first);
    wait_for_gate(1); /* it has read that nothing is held, and hangs */
    set_seats(0, 0x0f, 0);
    usleep(2 * MOMENT_SPACE_MS * LOOK_US); /* when another flight could start, were there none */
    start(&later);
    usleep(5 * MOMENT_SPACE_MS * LOOK_US);
    ck_assert_uint_eq(fake_catalog_at_gate(), 1); /* it waits for the landing of the first */
    fake_catalog_open_gate();
    pthread_join(first.thread, NULL);
    pthread_join(later.thread, NULL);
    ck_assert_int_eq(later.status, ST_OK);
    ck_assert_uint_eq(later.held, 0x0f);
}
END_TEST

START_TEST(while_nothing_changes_no_seats_are_read)
{
    scoped(moment_release) struct moment *first = see(&all_dates);
    const size_t reads = look().catalog_reads;
    for (int i = 0; i < 3; i++) {
        scoped(moment_release) struct moment *again = see(&all_dates);
        /* The same thing, handed out once more, unless the machine slept for MOMENT_KEEP_MS. */
        if (look().catalog_reads == reads)
            ck_assert_ptr_eq(first, again);
    }
    ck_assert_uint_eq(look().maps_given, look().catalog_reads);
    set_seats(2, 1, 0);
    scoped(moment_release) struct moment *changed = see(&all_dates);
    ck_assert_uint_eq(changed->occupancies[2].held.bytes[0], 1);
    ck_assert_uint_eq(first->occupancies[2].held.bytes[0], 0);
}
END_TEST

/* Their order is that of commits, which is not that of versions: each date is compared by itself.
 */
START_TEST(a_change_below_the_highest_version_is_seen)
{
    set_seats_at(1, 1, 0, 50);
    scoped(moment_release) struct moment *before = see(&all_dates);
    ck_assert_uint_eq(before->occupancies[2].held.bytes[0], 0);
    set_seats_at(2, 0x80, 0, 49); /* took its version first and was committed later */
    scoped(moment_release) struct moment *after = see(&all_dates);
    ck_assert_uint_eq(after->occupancies[2].held.bytes[0], 0x80);
}
END_TEST

START_TEST(an_etag_names_the_content)
{
    char etags[6][MOMENT_ETAG_SIZE];
    size_t count = 0;
#define NOTE_ETAG()                                                                                \
    do {                                                                                           \
        scoped(moment_release) struct moment *seen_ = see(&all_dates);                             \
        memcpy(etags[count++], seen_->etag, MOMENT_ETAG_SIZE);                                     \
    } while (0)
    NOTE_ETAG();
    NOTE_ETAG();
    ck_assert_str_eq(etags[0], etags[1]);
    set_seats(0, 1, 0);
    NOTE_ETAG();
    set_seats(0, 0, 1);
    NOTE_ETAG();
    set_seats(1, 1, 0);
    NOTE_ETAG();
    add_date("2090-01-04");
    moments_forget(moments, CONCERT_ID);
    NOTE_ETAG();
    for (size_t i = 1; i < count; i++) {
        ck_assert_uint_eq(strlen(etags[i]), MOMENT_ETAG_SIZE - 1);
        for (size_t j = i + 1; j < count; j++)
            ck_assert_str_ne(etags[i], etags[j]);
    }
}
END_TEST

START_TEST(a_new_date_is_seen_at_once_here_and_soon_elsewhere)
{
    scoped(moment_release) struct moment *before = see(&all_dates);
    ck_assert_uint_eq(before->date_count, 3);
    add_date("2090-01-04");
    moments_forget(moments, "0190a000-0000-7000-8000-0000000000c2"); /* of another concert */
    moments_forget(moments, CONCERT_ID);
    scoped(moment_release) struct moment *here = see(&all_dates);
    ck_assert_uint_eq(here->date_count, 4);

    add_date("2090-01-05"); /* by another instance: nobody told this one */
    for (int i = 0; i < LOOKS_MAX; i++) {
        scoped(moment_release) struct moment *elsewhere = see(&all_dates);
        if (elsewhere->date_count == 5)
            return;
        usleep(LOOK_US);
    }
    ck_abort_msg("the date was never seen");
}
END_TEST

static void fail_next(struct fake_catalog *catalog, void *self)
{
    catalog->fail_call = catalog->calls + *(size_t *)self;
    catalog->fail_status = ST_UNAVAILABLE;
}

START_TEST(a_failure_is_told_and_not_kept)
{
    struct moment *moment = NULL;
    for (size_t call = 1; call <= 3; call++) { /* concert, dates, occupancy */
        tear_down();
        set_up();
        fake_catalog_change(fail_next, &call);
        ck_assert_int_eq(moments_see(&ctx, moments, &one_date, &moment), ST_UNAVAILABLE);
        fresh_ctx();
        ck_assert_uint_eq(held_now(), 0);
    }
    const struct moment_question unknown = {
        .concert_id = "0190a000-0000-7000-8000-0000000000c2", .from = "2090-01-01", .through = ""};
    ck_assert_int_eq(moments_see(&ctx, moments, &unknown, &moment), ST_CONCERT_NOT_FOUND);
    ck_assert_ptr_null(moment);
}
END_TEST

START_TEST(who_cannot_wait_is_told_so_and_the_flight_goes_on)
{
    struct reader first = {.question = &one_date, .reads = 1};
    struct reader hasty = {.question = &one_date, .reads = 1, .timeout_ms = 20};
    fake_catalog_shut_gate();
    start(&first);
    wait_for_gate(1);
    start(&hasty);
    pthread_join(hasty.thread, NULL);
    ck_assert_int_eq(hasty.status, ST_TIMEOUT);
    fake_catalog_open_gate();
    pthread_join(first.thread, NULL);
    ck_assert_int_eq(first.status, ST_OK);
}
END_TEST

static void set_gate_status(struct fake_catalog *catalog, void *self)
{
    catalog->gate_status = *(enum status *)self;
}

/* The first of two fails once it has asked; what the second is told. */
static enum status told_after(enum status failure)
{
    struct reader first = {.question = &one_date, .reads = 1}, second = first;
    tear_down();
    set_up();
    fake_catalog_shut_gate();
    fake_catalog_change(set_gate_status, &failure);
    start(&first);
    wait_for_gate(1);
    start(&second);
    usleep(5 * MOMENT_SPACE_MS * LOOK_US);
    fake_catalog_open_gate();
    pthread_join(first.thread, NULL);
    pthread_join(second.thread, NULL);
    ck_assert_int_eq(first.status, failure);
    return second.status;
}

START_TEST(the_deadline_of_one_is_no_failure_of_another)
{
    ck_assert_int_eq(told_after(ST_TIMEOUT), ST_OK);
    ck_assert_int_eq(told_after(ST_UNAVAILABLE), ST_UNAVAILABLE);
}
END_TEST

START_TEST(more_questions_than_places_are_all_answered)
{
    char from[CLOCK_DATE_SIZE];
    for (size_t i = 0; i < 2 * MOMENTS_MAX; i++) {
        snprintf(from, sizeof from, "%04zu-01-01", 2000 + i % 90);
        struct moment_question question = all_dates;
        char through[CLOCK_DATE_SIZE];
        snprintf(through, sizeof through, "%04zu-01-%02zu", 2090 + i / 90, i % 28 + 1);
        question.from = from;
        question.through = through;
        scoped(moment_release) struct moment *moment = see(&question);
        ck_assert_uint_ge(moment->date_count, 1);
        ck_assert_uint_le(moment->date_count, 3);
        fresh_ctx();
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        ten_thousand_readers_of_a_hot_date_cost_one_question_a_moment,
        a_read_sees_what_was_committed_before_it,
        a_flight_in_the_air_is_no_answer_to_a_later_question,
        while_nothing_changes_no_seats_are_read,
        a_change_below_the_highest_version_is_seen,
        an_etag_names_the_content,
        a_new_date_is_seen_at_once_here_and_soon_elsewhere,
        a_failure_is_told_and_not_kept,
        who_cannot_wait_is_told_so_and_the_flight_goes_on,
        the_deadline_of_one_is_no_failure_of_another,
        more_questions_than_places_are_all_answered,
    };
    return run_tests("moments", tests, ARRAY_LEN(tests));
}
