#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_reservation_store.h"
#include "fake_seat_stream.h"
#include "fake_seats.h"
#include "reservation_fixture.h"
#include "watch.h"

enum { INTERVAL_MS = 2, LOOKS_MAX = 20000, LOOK_US = 1000, CROWD = 50 };
#define FIRST  "2030-01-01"
#define SECOND "2030-01-02"

static struct seat_watch *watch;
/* They outlive their test: the publisher lets go of them when the watch is stopped, after it. */
static struct rpc_stream streams_of_a_test[CROWD];
static size_t stream_count;

static struct rpc_stream *fresh_stream(void)
{
    ck_assert_uint_lt(stream_count, CROWD);
    return &streams_of_a_test[stream_count++];
}

static void begin_watch(void)
{
    set_up();
    memset(streams_of_a_test, 0, sizeof streams_of_a_test);
    stream_count = 0;
    fake_store.held = fake_store.sold = NULL;
    fake_seats_reset();
    watch = seat_watch_start(NULL, INTERVAL_MS);
    reservation_under_test()->watch = watch;
}

static enum status add(const char *day, struct rpc_stream *stream)
{
    return seat_watch_add(&ctx, watch, concert_id, day, stream);
}

/* Waits until the stream has had everything up to that version. */
static struct rpc_stream wait_for(const struct rpc_stream *stream, int64_t version)
{
    for (int i = 0; i < LOOKS_MAX; i++) {
        const struct rpc_stream now = fake_stream_look(stream);
        if (now.sent > 0 && now.map.version >= version)
            return now;
        usleep(LOOK_US);
    }
    ck_abort_msg("the news never came");
}

static struct rpc_stream wait_for_end(const struct rpc_stream *stream)
{
    for (int i = 0; i < LOOKS_MAX; i++) {
        const struct rpc_stream now = fake_stream_look(stream);
        if (now.released > 0)
            return now;
        usleep(LOOK_US);
    }
    ck_abort_msg("the stream was never let go");
}

/* Two more looks at the store: whatever was there before has been seen by then. */
static void let_it_look(void)
{
    const int before = fake_seats_changes_asked();
    for (int i = 0; i < LOOKS_MAX && fake_seats_changes_asked() < before + 2; i++)
        usleep(LOOK_US);
}

START_TEST(a_reader_gets_all_seats_first_and_then_what_changed)
{
    struct rpc_stream *stream = fresh_stream();
    fake_seats_set(FIRST, 7, SEAT_HELD);
    const int64_t before = fake_seats_set(FIRST, 9, SEAT_SOLD);
    ck_assert_int_eq(add(FIRST, stream), ST_OK);
    struct rpc_stream seen = wait_for(stream, before);
    ck_assert_int_eq(seen.maps, 1);
    ck_assert_int_eq(seat_map_state(&seen.map, 7), SEAT_HELD);
    ck_assert_int_eq(seat_map_state(&seen.map, 9), SEAT_SOLD);
    ck_assert_int_eq(seat_map_state(&seen.map, 8), SEAT_FREE);

    fake_seats_set(FIRST, 7, SEAT_FREE);
    const int64_t after = fake_seats_set(FIRST, CLAIM_SEATS_MAX, SEAT_HELD);
    seen = wait_for(stream, after);
    ck_assert_int_eq(seen.maps, 1);
    ck_assert(!seen.missed);
    ck_assert_int_eq(seat_map_state(&seen.map, 7), SEAT_FREE);
    ck_assert_int_eq(seat_map_state(&seen.map, CLAIM_SEATS_MAX), SEAT_HELD);
    ck_assert_int_eq(seat_map_state(&seen.map, 9), SEAT_SOLD);
}
END_TEST

START_TEST(a_crowd_costs_one_map_and_each_of_it_sees_everything)
{
    struct rpc_stream *streams[CROWD];
    for (size_t i = 0; i < CROWD; i++) {
        streams[i] = fresh_stream();
        ck_assert_int_eq(add(FIRST, streams[i]), ST_OK);
    }
    for (size_t i = 0; i < CROWD; i++)
        wait_for(streams[i], 0);
    ck_assert_int_eq(fake_seats_maps_asked(), 1);
    const int64_t version = fake_seats_set(FIRST, 3, SEAT_SOLD);
    for (size_t i = 0; i < CROWD; i++) {
        const struct rpc_stream seen = wait_for(streams[i], version);
        ck_assert_int_eq(seat_map_state(&seen.map, 3), SEAT_SOLD);
        ck_assert(!seen.missed);
    }
    ck_assert_int_eq(fake_seats_maps_asked(), 1);
}
END_TEST

START_TEST(a_late_reader_starts_from_where_the_others_are)
{
    struct rpc_stream *early = fresh_stream(), *late = fresh_stream();
    ck_assert_int_eq(add(FIRST, early), ST_OK);
    wait_for(early, 0);
    int64_t version = fake_seats_set(FIRST, 1, SEAT_HELD);
    wait_for(early, version);
    ck_assert_int_eq(add(FIRST, late), ST_OK);
    wait_for(late, version);
    version = fake_seats_set(FIRST, 2, SEAT_HELD);
    const struct rpc_stream seen = wait_for(late, version);
    ck_assert(!seen.missed);
    ck_assert_int_eq(seat_map_state(&seen.map, 1), SEAT_HELD);
    ck_assert_int_eq(seat_map_state(&seen.map, 2), SEAT_HELD);
    ck_assert_int_eq(fake_seats_maps_asked(), 1);
}
END_TEST

START_TEST(a_date_hears_nothing_of_another)
{
    struct rpc_stream *first = fresh_stream(), *second = fresh_stream();
    ck_assert_int_eq(add(FIRST, first), ST_OK);
    ck_assert_int_eq(add(SECOND, second), ST_OK);
    wait_for(first, 0);
    wait_for(second, 0);
    const int64_t version = fake_seats_set(SECOND, 5, SEAT_HELD);
    wait_for(second, version);
    let_it_look();
    ck_assert_int_eq(fake_stream_look(first).sent, 1);
}
END_TEST

START_TEST(a_change_that_nobody_can_see_is_not_told)
{
    struct rpc_stream *stream = fresh_stream();
    const int64_t held = fake_seats_set(FIRST, 5, SEAT_HELD);
    ck_assert_int_eq(add(FIRST, stream), ST_OK);
    wait_for(stream, held);
    fake_seats_set(FIRST, 5, SEAT_HELD); /* its payment begins */
    let_it_look();
    ck_assert_int_eq(fake_stream_look(stream).sent, 1);
    const int64_t sold = fake_seats_set(FIRST, 5, SEAT_SOLD);
    ck_assert(!wait_for(stream, sold).missed);
}
END_TEST

START_TEST(more_changes_than_a_delta_holds_are_told_as_a_map)
{
    struct rpc_stream *stream = fresh_stream();
    ck_assert_int_eq(add(FIRST, stream), ST_OK);
    wait_for(stream, 0);
    int64_t version = fake_seats_set_all(FIRST, WATCH_CHANGES_MAX, SEAT_HELD);
    struct rpc_stream seen = wait_for(stream, version);
    ck_assert_int_eq(seen.maps, 1);
    ck_assert_uint_eq(seen.last_changes, WATCH_CHANGES_MAX);
    version = fake_seats_set_all(FIRST, WATCH_CHANGES_MAX + 1, SEAT_SOLD);
    seen = wait_for(stream, version);
    ck_assert_int_eq(seen.maps, 2);
    ck_assert_int_eq(seat_map_state(&seen.map, WATCH_CHANGES_MAX + 1), SEAT_SOLD);
    version = fake_seats_set(FIRST, 1, SEAT_FREE);
    ck_assert(!wait_for(stream, version).missed);
}
END_TEST

START_TEST(who_is_gone_is_let_go_and_nobody_is_asked_for_nobody)
{
    struct rpc_stream *stream = fresh_stream();
    ck_assert_int_eq(add(FIRST, stream), ST_OK);
    wait_for(stream, 0);
    fake_stream_leave(stream);
    ck_assert_int_eq(wait_for_end(stream).released, 1);
    /* The date went with its last reader: the next one costs a map again, and until then the store
     * has peace. */
    usleep(20 * INTERVAL_MS * 1000);
    const int asked = fake_seats_changes_asked();
    usleep(20 * INTERVAL_MS * 1000);
    ck_assert_int_eq(fake_seats_changes_asked(), asked);
    struct rpc_stream *next = fresh_stream();
    ck_assert_int_eq(add(FIRST, next), ST_OK);
    wait_for(next, 0);
    ck_assert_int_eq(fake_seats_maps_asked(), 2);
}
END_TEST

START_TEST(a_store_that_is_away_is_caught_up_with)
{
    struct rpc_stream *stream = fresh_stream(), *newcomer = fresh_stream();
    ck_assert_int_eq(add(FIRST, stream), ST_OK);
    wait_for(stream, 0);
    fake_seats_fail(ST_UNAVAILABLE);
    fake_seats_set(FIRST, 1, SEAT_HELD);
    const int64_t version = fake_seats_set(FIRST, 2, SEAT_SOLD);
    let_it_look();
    ck_assert_int_eq(fake_stream_look(stream).sent, 1);
    ck_assert_int_eq(fake_stream_look(stream).finished, 0);
    /* Whoever comes for a date that is not known yet is sent away. */
    ck_assert_int_eq(add(SECOND, newcomer), ST_OK);
    ck_assert_int_eq(wait_for_end(newcomer).finish_status, ST_UNAVAILABLE);

    fake_seats_fail(ST_OK);
    const struct rpc_stream seen = wait_for(stream, version);
    ck_assert(!seen.missed);
    ck_assert_int_eq(seat_map_state(&seen.map, 1), SEAT_HELD);
    ck_assert_int_eq(seat_map_state(&seen.map, 2), SEAT_SOLD);
}
END_TEST

START_TEST(closing_sends_everybody_to_another_instance)
{
    struct rpc_stream *told = fresh_stream(), *late = fresh_stream();
    ck_assert_int_eq(add(FIRST, told), ST_OK);
    wait_for(told, 0);
    seat_watch_close(watch);
    ck_assert_int_eq(fake_stream_look(told).finish_status, ST_UNAVAILABLE);
    ck_assert_int_eq(fake_stream_look(told).released, 1);
    ck_assert_int_eq(add(FIRST, late), ST_UNAVAILABLE);
    ck_assert_int_eq(fake_stream_look(late).released, 0);
    seat_watch_close(watch); /* once more does nothing */
}
END_TEST

START_TEST(the_handler_takes_dates_of_the_catalog_only)
{
    struct rpc_stream *stream = fresh_stream();
    ck_assert_int_eq(watch_occupancy(upper_case_id, date, stream), ST_INVALID_REQUEST);
    fresh_ctx();
    ck_assert_int_eq(watch_occupancy(concert_id, no_date, stream), ST_INVALID_REQUEST);
    fresh_ctx();
    fake_store.fail_call = 1;
    fake_store.fail_status = ST_DATE_NOT_FOUND;
    ck_assert_int_eq(watch_occupancy(concert_id, date, stream), ST_DATE_NOT_FOUND);
    ck_assert_int_eq(stream->released, 0); /* the server's to end */
    fresh_ctx();
    fake_store.fail_call = 0;
    ck_assert_int_eq(watch_occupancy(concert_id, date, stream), ST_OK);
    wait_for(stream, 0);
}
END_TEST

static void end_watch(void)
{
    seat_watch_stop(&watch);
    reservation_under_test()->watch = NULL;
}

int main(void)
{
    const TTest *const tests[] = {
        a_reader_gets_all_seats_first_and_then_what_changed,
        a_crowd_costs_one_map_and_each_of_it_sees_everything,
        a_late_reader_starts_from_where_the_others_are,
        a_date_hears_nothing_of_another,
        a_change_that_nobody_can_see_is_not_told,
        more_changes_than_a_delta_holds_are_told_as_a_map,
        who_is_gone_is_let_go_and_nobody_is_asked_for_nobody,
        a_store_that_is_away_is_caught_up_with,
        closing_sends_everybody_to_another_instance,
        the_handler_takes_dates_of_the_catalog_only,
    };
    return run_tests_between("seat watch", tests, ARRAY_LEN(tests), begin_watch, end_watch);
}
