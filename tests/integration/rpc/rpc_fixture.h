/* A service that echoes, refuses, waits and counts, real servers of it, and a client. */
#ifndef TESTS_INTEGRATION_RPC_FIXTURE_H
#define TESTS_INTEGRATION_RPC_FIXTURE_H

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/ctx.h"
#include "rpc_echo.pb-c.h"
#include "rpc/client.h"
#include "rpc/server.h"

typedef Test__V1__EchoRequest EchoRequest;
typedef Test__V1__EchoResponse EchoResponse;

enum {
    ECHO_SERVERS_MAX = 4,
    TEST_WORKERS = 4,
    TEST_IN_FLIGHT_MAX = 6,
    ECHO_QUIETLY = -17, /* a number that Echo answers without noting what it saw */
};

extern const struct rpc_call_type echo_type, refuse_type, wait_type, count_type, relay_type,
    large_type;

/* What the handlers share with the tests. */
extern pthread_mutex_t gate;   /* Wait's handler passes through it */
extern _Atomic int waiting;    /* calls that came as far as the gate */
extern _Atomic int64_t echoed; /* calls of Echo that were handled, of all servers */
extern char seen_trace[33], seen_parent[17];
extern int64_t seen_left_ms;
/* The newest that Count opened, once it has; the caller's to release. */
struct rpc_stream *take_open_stream(void);

extern struct rpc_server *server;
extern struct rpc_client *client; /* of server */
extern struct ctx ctx;            /* 10 s */

/* A server on a free port of the loopback, or on `port`; it counts its Echo calls in
 * server_calls[index]. */
extern _Atomic int64_t server_calls[ECHO_SERVERS_MAX];
struct rpc_server *start_server(size_t index, const struct rpc_server_options *options);
struct rpc_client *connect_to(const int ports[], size_t count);

void fresh_ctx(int64_t timeout_ms);
enum status call_echo(struct ctx *at, const char *text, int64_t number,
                      EchoResponse **ret_response);
/* A thread: one call of Wait by `client`; self is where its status goes. */
void *call_wait(void *self);
/* Until the value is at least that; fails after half a minute. */
void wait_for(_Atomic int *value, int wanted);
void wait_for_calls(_Atomic int64_t *value, int64_t wanted);
void pause_ms(int ms);

/* Threads that call Echo through `client`, over and over, until told to end. */
enum { CALLERS = 8 };
struct load {
    pthread_t threads[CALLERS];
    _Atomic int64_t answered, failed;
    _Atomic int first_failure; /* enum status */
    char first_detail[CTX_DETAIL_MAX];
    _Atomic bool over;
};
void load_begin(struct load *load);
void load_end(struct load *load);

struct watcher {
    _Atomic int messages, ended;
    _Atomic int64_t newest;
    enum status status;
};
struct rpc_subscription *subscribe(int64_t number, struct watcher *watcher);

void set_up(void);
void tear_down(void);
/* Runs these tests, each between before and after; main's result. */
int run_tests(const char *name, SFun before, SFun after, const TTest *const tests[], size_t count);

#endif
