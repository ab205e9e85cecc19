/* Event streams over real sockets. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/stream.h"
#include "http_fixture.h"

enum { ROOM = 3, HEARTBEAT_MS = 20, NEVER_MS = 3600000, READERS = 200, LARGE = 60000 };

/* The streams in the order they were begun. */
static struct http_stream *streams[READERS];
static _Atomic int begun, closed;

static void on_closed(void *self)
{
    ck_assert_ptr_nonnull(self);
    atomic_fetch_add(&closed, 1);
}

static enum status watch(struct ctx *ctx, void *self, const struct http_request *request,
                         struct http_response *response)
{
    struct http_stream *stream = NULL;
    (void)self;
    (void)response;
    TRY(http_stream_begin(ctx, request, on_closed, streams, &stream));
    ck_assert(http_stream_send(stream, "place", "first", "{}"));
    streams[atomic_load(&begun)] = stream;
    atomic_fetch_add(&begun, 1);
    return ST_OK;
}

static enum status fail_late(struct ctx *ctx, void *self, const struct http_request *request,
                             struct http_response *response)
{
    struct http_stream *stream = NULL;
    (void)self;
    (void)response;
    TRY(http_stream_begin(ctx, request, on_closed, streams, &stream));
    ck_assert_int_eq(atomic_load(&closed), 0);
    http_stream_release(&stream);
    return ctx_fail(ctx, ST_TOKEN_EXPIRED, "found out late");
}

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/events", .handle = watch},
    {.method = "GET", .pattern = "/late", .handle = fail_late},
};

/* One worker, so that `begun` counts without a race. */
static struct http_server *start(size_t streams_max, int64_t heartbeat_ms)
{
    atomic_store(&begun, 0);
    atomic_store(&closed, 0);
    return fixture_start((struct http_server_options){.routes = routes,
                                                      .route_count = ARRAY_LEN(routes),
                                                      .workers = 1,
                                                      .streams_max = streams_max,
                                                      .heartbeat_ms = heartbeat_ms});
}

static int open_stream(const struct http_server *server)
{
    const int before = atomic_load(&begun);
    const int fd = fixture_connect(server);
    ck_assert(fixture_say(fd, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n"));
    fixture_wait_for(&begun, before + 1);
    return fd;
}

START_TEST(a_stream_begins_with_its_headers_retry_and_first_event)
{
    struct http_server *server = start(ROOM, NEVER_MS);
    char text[4096];
    size_t used = 0;
    const int fd = open_stream(server);
    ck_assert(fixture_read_until(fd, text, sizeof text, &used, "data: {}\n\n"));
    ck_assert_ptr_nonnull(strstr(text, "HTTP/1.1 200 OK\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "Content-Type: text/event-stream\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "Cache-Control: no-store\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "X-Accel-Buffering: no\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "retry: 2000\n\n"));
    ck_assert_ptr_nonnull(strstr(text, "event: place\nid: first\ndata: {}\n\n"));

    used = 0;
    ck_assert(http_stream_send(streams[0], NULL, NULL, "two\nlines"));
    ck_assert(fixture_read_until(fd, text, sizeof text, &used, "\n\n"));
    ck_assert_ptr_nonnull(strstr(text, "data: two\ndata: lines\n\n"));
    ck_assert_ptr_null(strstr(text, "event:"));
    close(fd);
    http_stream_release(&streams[0]);
    http_server_stop(&server, 0, 1000);
}
END_TEST

START_TEST(a_finished_stream_sends_its_last_event_and_closes)
{
    struct http_server *server = start(ROOM, NEVER_MS);
    char text[4096];
    size_t used = 0;
    const int fd = open_stream(server);
    ck_assert(!http_stream_is_over(streams[0]));
    ck_assert(http_stream_send(streams[0], "place", "last", "gone"));
    http_stream_finish(streams[0]);
    ck_assert(http_stream_is_over(streams[0]));
    ck_assert(!http_stream_send(streams[0], "place", "later", "no"));
    ck_assert(fixture_read_until(fd, text, sizeof text, &used, "data: gone\n\n"));
    ck_assert(fixture_is_closed(fd));
    fixture_wait_for(&closed, 1);
    close(fd);
    http_stream_release(&streams[0]);
    http_server_stop(&server, 0, 1000);
    ck_assert_int_eq(atomic_load(&closed), 1);
}
END_TEST

START_TEST(releasing_the_last_reference_finishes_a_stream)
{
    struct http_server *server = start(ROOM, NEVER_MS);
    char text[4096];
    size_t used = 0;
    const int fd = open_stream(server);
    struct http_stream *other = http_stream_acquire(streams[0]);
    http_stream_release(&streams[0]);
    ck_assert(http_stream_send(other, "place", NULL, "still here"));
    ck_assert(fixture_read_until(fd, text, sizeof text, &used, "data: still here\n\n"));
    http_stream_release(&other);
    ck_assert(fixture_is_closed(fd));
    fixture_wait_for(&closed, 1);
    close(fd);
    http_server_stop(&server, 0, 1000);
}
END_TEST

START_TEST(a_quiet_stream_gets_heartbeats)
{
    struct http_server *server = start(ROOM, HEARTBEAT_MS);
    char text[4096];
    size_t used = 0;
    const int fd = open_stream(server);
    ck_assert(fixture_read_until(fd, text, sizeof text, &used, "data: {}\n\n"));
    for (int i = 0; i < 3; i++) {
        used = 0;
        ck_assert(fixture_read_until(fd, text, sizeof text, &used, ":\n\n"));
    }
    close(fd);
    http_stream_release(&streams[0]);
    http_server_stop(&server, 0, 1000);
}
END_TEST

START_TEST(a_reader_who_goes_away_is_told_to_the_owner)
{
    /* No heartbeat would tell: the hang-up itself is seen. */
    struct http_server *server = start(ROOM, NEVER_MS);
    const int fd = open_stream(server), other = open_stream(server);
    close(fd);
    fixture_wait_for(&closed, 1);
    ck_assert(http_stream_is_over(streams[0]));
    ck_assert(!http_stream_send(streams[0], "place", NULL, "nobody"));
    ck_assert(http_stream_send(streams[1], "place", NULL, "you"));
    ck_assert_int_eq(atomic_load(&closed), 1);
    close(other);
    http_stream_release(&streams[0]);
    http_stream_release(&streams[1]);
    http_server_stop(&server, 0, 1000);
}
END_TEST

START_TEST(a_slow_reader_gets_the_newest_not_the_backlog)
{
    enum { EVENTS = 400 };
    struct http_server *server = start(ROOM, NEVER_MS);
    char *data = malloc(LARGE), *text = malloc(EVENTS * (size_t)LARGE);
    const int fd = open_stream(server);
    /* 24 MB for a reader who does not read: far beyond what the sockets take. */
    for (int i = 0; i < EVENTS; i++) {
        memset(data, 'x', LARGE - 1);
        data[LARGE - 1] = '\0';
        const int size = snprintf(data, LARGE, "%d", i);
        data[size] = ' ';
        ck_assert(http_stream_send(streams[0], "place", NULL, data));
    }
    http_stream_finish(streams[0]);
    size_t used = 0, events = 0;
    ck_assert(fixture_read_until(fd, text, EVENTS * (size_t)LARGE, &used, "data: 399 "));
    for (const char *event = text; (event = strstr(event, "event: ")) != NULL; event++)
        events++;
    ck_assert_uint_lt(events, EVENTS / 2);
    ck_assert(fixture_is_closed(fd));
    close(fd);
    free(data);
    free(text);
    http_stream_release(&streams[0]);
    http_server_stop(&server, 0, 1000);
}
END_TEST

START_TEST(an_event_has_a_largest_size)
{
    struct http_server *server = start(ROOM, NEVER_MS);
    const int fd = open_stream(server);
    const size_t frame = strlen("data: \n\n");
    char *data = malloc(HTTP_EVENT_MAX + 1);
    memset(data, 'x', HTTP_EVENT_MAX);
    data[HTTP_EVENT_MAX - frame] = '\0';
    ck_assert(http_stream_send(streams[0], NULL, NULL, data));
    data[HTTP_EVENT_MAX - frame] = 'x';
    data[HTTP_EVENT_MAX - frame + 1] = '\0';
    ck_assert(!http_stream_send(streams[0], NULL, NULL, data));
    ck_assert(!http_stream_is_over(streams[0]));
    free(data);
    close(fd);
    http_stream_release(&streams[0]);
    http_server_stop(&server, 0, 1000);
}
END_TEST

START_TEST(streams_beyond_the_limit_are_refused_until_one_ends)
{
    struct http_server *server = start(ROOM, NEVER_MS);
    struct answer answer;
    int fds[ROOM];
    for (int i = 0; i < ROOM; i++)
        fds[i] = open_stream(server);
    fixture_get(server, "/events", &answer);
    ck_assert_int_eq(answer.code, 503);
    ck_assert(answer_says(&answer, "OVERLOADED"));
    ck_assert(answer_has(&answer, "Retry-After: 1"));
    close(fds[0]);
    fixture_wait_for(&closed, 1);
    fds[0] = open_stream(server);
    for (int i = 0; i < ROOM; i++)
        close(fds[i]);
    for (int i = 0; i < ROOM + 1; i++)
        http_stream_release(&streams[i]);
    http_server_stop(&server, 0, 1000);
}
END_TEST

START_TEST(a_handler_that_fails_late_answers_its_failure)
{
    struct http_server *server = start(ROOM, NEVER_MS);
    struct answer answer;
    fixture_get(server, "/late", &answer);
    ck_assert_int_eq(answer.code, 401);
    ck_assert(answer_says(&answer, "TOKEN_EXPIRED"));
    ck_assert_int_eq(atomic_load(&closed), 1);
    http_server_stop(&server, 0, 1000);
}
END_TEST

START_TEST(a_server_without_streams_refuses_them)
{
    struct http_server *server = start(0, 0);
    struct answer answer;
    fixture_get(server, "/events", &answer);
    ck_assert_int_eq(answer.code, 503);
    http_server_stop(&server, 0, 1000);
}
END_TEST

START_TEST(a_stopping_server_ends_every_stream_and_tells_every_owner)
{
    struct http_server *server = start(READERS, NEVER_MS);
    int fds[READERS];
    for (int i = 0; i < READERS; i++) {
        char text[4096];
        size_t used = 0;
        fds[i] = open_stream(server);
        ck_assert(fixture_read_until(fds[i], text, sizeof text, &used, "data: {}\n\n"));
    }
    http_server_stop(&server, 0, 20000);
    ck_assert_int_eq(atomic_load(&closed), READERS);
    for (int i = 0; i < READERS; i++) {
        ck_assert(fixture_is_closed(fds[i]));
        close(fds[i]);
        /* Owners may outlive the server. */
        ck_assert(!http_stream_send(streams[i], NULL, NULL, "late"));
        http_stream_release(&streams[i]);
    }
}
END_TEST

static void *send_much(void *self)
{
    (void)self;
    for (int i = 0; i < 20000; i++) {
        char data[32];
        snprintf(data, sizeof data, "%d", i);
        (void)http_stream_send(streams[i % 2], "place", NULL, data);
    }
    return NULL;
}

START_TEST(many_threads_send_while_readers_come_and_go)
{
    enum { SENDERS = 4, ROOM_FOR_ALL = 8 * 1024 * 1024 };
    struct http_server *server = start(READERS, HEARTBEAT_MS);
    pthread_t senders[SENDERS];
    char *text = malloc(ROOM_FOR_ALL);
    const int fd = open_stream(server), goes = open_stream(server);
    for (int i = 0; i < SENDERS; i++)
        pthread_create(&senders[i], NULL, send_much, NULL);
    size_t used = 0;
    ck_assert(fixture_read_until(fd, text, ROOM_FOR_ALL, &used, "event: place"));
    close(goes);
    fixture_wait_for(&closed, 1);
    for (int i = 0; i < SENDERS; i++)
        pthread_join(senders[i], NULL);
    ck_assert(http_stream_send(streams[0], "place", NULL, "the end"));
    ck_assert(fixture_read_until(fd, text, ROOM_FOR_ALL, &used, "data: the end\n\n"));
    close(fd);
    free(text);
    http_stream_release(&streams[0]);
    http_stream_release(&streams[1]);
    http_server_stop(&server, 0, 1000);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("streams");
    tcase_add_test(tcase, a_stream_begins_with_its_headers_retry_and_first_event);
    tcase_add_test(tcase, a_finished_stream_sends_its_last_event_and_closes);
    tcase_add_test(tcase, releasing_the_last_reference_finishes_a_stream);
    tcase_add_test(tcase, a_quiet_stream_gets_heartbeats);
    tcase_add_test(tcase, a_reader_who_goes_away_is_told_to_the_owner);
    tcase_add_test(tcase, a_slow_reader_gets_the_newest_not_the_backlog);
    tcase_add_test(tcase, an_event_has_a_largest_size);
    tcase_add_test(tcase, streams_beyond_the_limit_are_refused_until_one_ends);
    tcase_add_test(tcase, a_handler_that_fails_late_answers_its_failure);
    tcase_add_test(tcase, a_server_without_streams_refuses_them);
    tcase_add_test(tcase, a_stopping_server_ends_every_stream_and_tells_every_owner);
    tcase_add_test(tcase, many_threads_send_while_readers_come_and_go);
    return fixture_run("http streams", tcase);
}
