/* The service as its users meet it: two processes, gRPC, streams, a graceful stop. */
#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "boxoffice/queue/v1/queue.pb-c.h"
#include "fixture.h"
#include "rpc/client.h"

typedef Boxoffice__Queue__V1__IssueTokenRequest IssueTokenRequest;
typedef Boxoffice__Queue__V1__IssueTokenResponse IssueTokenResponse;
typedef Boxoffice__Queue__V1__GetTokenRequest GetTokenRequest;
typedef Boxoffice__Queue__V1__GetTokenResponse GetTokenResponse;
typedef Boxoffice__Queue__V1__WatchTokenRequest WatchTokenRequest;
typedef Boxoffice__Queue__V1__WatchTokenResponse WatchTokenResponse;
typedef Boxoffice__Queue__V1__ExpireTokenRequest ExpireTokenRequest;
typedef Boxoffice__Queue__V1__ExpireTokenResponse ExpireTokenResponse;
typedef Boxoffice__Queue__V1__VerifyTokensRequest VerifyTokensRequest;
typedef Boxoffice__Queue__V1__VerifyTokensResponse VerifyTokensResponse;

#define CALL(method, stem)                                                                         \
    {                                                                                              \
        "/boxoffice.queue.v1.QueueService/" method,                                                \
            &boxoffice__queue__v1__##stem##_response__descriptor                                   \
    }

static const struct rpc_call_type issue_type = CALL("IssueToken", issue_token);
static const struct rpc_call_type get_type = CALL("GetToken", get_token);
static const struct rpc_call_type watch_type = CALL("WatchToken", watch_token);
static const struct rpc_call_type expire_type = CALL("ExpireToken", expire_token);
static const struct rpc_call_type verify_type = CALL("VerifyTokens", verify_tokens);

struct process {
    pid_t pid;
    int port;
    int admin_port;
    struct rpc_client *client;
};

static struct process processes[INSTANCES];
static struct actor actor;

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void become_service(int port, int admin_port)
{
    char listen_at[32];
    char admin_at[32];
    char binary[512];
    snprintf(listen_at, sizeof listen_at, "127.0.0.1:%d", port);
    snprintf(admin_at, sizeof admin_at, "127.0.0.1:%d", admin_port);
    snprintf(binary, sizeof binary, "%s/bin/boxoffice-queue", getenv("BOXOFFICE_BINARY_DIR"));
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setenv("QUEUE_LISTEN", listen_at, 1);
    setenv("QUEUE_ADMIN_LISTEN", admin_at, 1);
    setenv("QUEUE_REDIS_URL", redis.url, 1);
    setenv("QUEUE_DB_URL", fixture_app_url(), 1);
    setenv("QUEUE_CAPACITY", "1", 1);
    setenv("QUEUE_WATCH_INTERVAL_MS", "20", 1);
    setenv("TOKEN_SECRET", "0123456789abcdef0123456789abcdef", 1);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDERR_FILENO);
    execl(binary, binary, (char *)NULL);
    _exit(127);
}

static enum status try_issue(int instance, int user, IssueTokenResponse **ret_response)
{
    IssueTokenRequest request;
    struct uuid user_id = user_uuid(user);
    boxoffice__queue__v1__issue_token_request__init(&request);
    request.user_id = user_id.text;
    return rpc_call(actor_begin(&actor), processes[instance].client, &issue_type, &request.base,
                    ret_response);
}

/* The token, in memory of its own. */
static char *issue(int instance, int user)
{
    IssueTokenResponse *response;
    ck_assert_int_eq(try_issue(instance, user, &response), ST_OK);
    char *token = strdup(response->place->token);
    ck_assert_ptr_nonnull(token);
    return token;
}

static void start_process(struct process *process)
{
    char target[64];
    process->port = free_port();
    process->admin_port = free_port();
    process->pid = fork();
    ck_assert_int_ge(process->pid, 0);
    if (process->pid == 0)
        become_service(process->port, process->admin_port);
    snprintf(target, sizeof target, "127.0.0.1:%d", process->port);
    ck_assert_int_eq(
        rpc_client_new(&(struct rpc_client_options){.target = target}, &process->client), ST_OK);
}

/* The exit code, -1 when it did not exit by itself. */
static int stop_process(struct process *process, int signal_number)
{
    int status = 0;
    rpc_client_free(&process->client);
    if (process->pid == 0)
        return 0;
    kill(process->pid, signal_number);
    waitpid(process->pid, &status, 0);
    process->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void set_up(void)
{
    fixture_set_up();
    for (int i = 0; i < INSTANCES; i++)
        start_process(&processes[i]);
    for (int i = 0; i < INSTANCES; i++) {
        IssueTokenResponse *response;
        enum status status = ST_UNAVAILABLE;
        for (int64_t end_us = clock_monotonic_us() + PATIENCE_MS * 1000;
             status != ST_OK && clock_monotonic_us() < end_us;) {
            status = try_issue(i, 1, &response);
            if (status != ST_OK)
                usleep(20000);
        }
        ck_assert_msg(status == ST_OK, "%s: %s", status_name(status), actor.ctx.detail);
    }
}

static void tear_down(void)
{
    for (int i = 0; i < INSTANCES; i++)
        (void)stop_process(&processes[i], SIGKILL);
    fixture_tear_down();
    actor_done(&actor);
}

static bool expire(int instance, const char *token, int user)
{
    GetTokenRequest get;
    GetTokenResponse *got;
    ExpireTokenRequest request;
    ExpireTokenResponse *response;
    boxoffice__queue__v1__get_token_request__init(&get);
    get.token = strdup(token);
    ck_assert_int_eq(
        rpc_call(actor_begin(&actor), processes[instance].client, &get_type, &get.base, &got),
        ST_OK);
    free(get.token);
    struct uuid user_id = user_uuid(user);
    boxoffice__queue__v1__expire_token_request__init(&request);
    request.user_id = user_id.text;
    request.token_id = got->place->token_id;
    request.reason = BOXOFFICE__QUEUE__V1__EXPIRE_REASON__EXPIRE_REASON_PAID;
    ck_assert_int_eq(
        rpc_call(&actor.ctx, processes[instance].client, &expire_type, &request.base, &response),
        ST_OK);
    return response->expired;
}

START_TEST(any_instance_knows_every_token)
{
    VerifyTokensRequest request;
    VerifyTokensResponse *response;
    char *tokens[] = {issue(0, 1), issue(1, 2), strdup("forged")};
    boxoffice__queue__v1__verify_tokens_request__init(&request);
    request.tokens = tokens;
    request.n_tokens = ARRAY_LEN(tokens);
    for (int i = 0; i < INSTANCES; i++) {
        ck_assert_int_eq(rpc_call(actor_begin(&actor), processes[i].client, &verify_type,
                                  &request.base, &response),
                         ST_OK);
        ck_assert_uint_eq(response->n_states, 3);
        ck_assert_str_eq(response->states[0]->code, "OK");
        ck_assert_str_eq(response->states[1]->code, "NOT_YOUR_TURN");
        ck_assert_int_eq(response->states[1]->position, 1);
        ck_assert_str_eq(response->states[2]->code, "TOKEN_INVALID");
    }
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++)
        free(tokens[i]);
}
END_TEST

/* --- health --- */

/* The answer to a GET, head and body, in a static buffer; "" when nobody answers. */
static const char *http_get(int instance, const char *path)
{
    static char answer[256 * 1024];
    char request[128];
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((uint16_t)processes[instance].admin_port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t used = 0;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        write(fd, request, (size_t)size) == size) {
        ssize_t got = 1;
        while (got > 0 && used < sizeof answer - 1) {
            got = read(fd, answer + used, sizeof answer - 1 - used);
            used += got > 0 ? (size_t)got : 0;
        }
    }
    close(fd);
    answer[used] = '\0';
    return answer;
}

static bool wait_for_answer(int instance, const char *path, const char *status_line)
{
    for (int64_t end_us = clock_monotonic_us() + PATIENCE_MS * 1000; clock_monotonic_us() < end_us;
         usleep(20000)) {
        if (strncmp(http_get(instance, path), status_line, strlen(status_line)) == 0)
            return true;
    }
    return false;
}

START_TEST(readiness_follows_redis_and_liveness_does_not)
{
    ck_assert(wait_for_answer(0, "/readyz", "HTTP/1.1 200"));
    support_redis_kill(&redis);
    ck_assert(wait_for_answer(0, "/readyz", "HTTP/1.1 503"));
    ck_assert(wait_for_answer(0, "/livez", "HTTP/1.1 200"));
    IssueTokenResponse *response;
    ck_assert_int_eq(try_issue(0, 2, &response), ST_UNAVAILABLE);
    support_redis_start_again(&redis);
    ck_assert(wait_for_answer(0, "/readyz", "HTTP/1.1 200"));
    ck_assert_int_eq(try_issue(0, 2, &response), ST_OK);
}
END_TEST

START_TEST(metrics_tell_how_the_line_is)
{
    free(issue(0, 2));
    free(issue(0, 3));
    const char *metrics = "";
    for (int64_t end_us = clock_monotonic_us() + PATIENCE_MS * 1000;
         clock_monotonic_us() < end_us && !strstr(metrics, "queue_waiting{queue=\"main\"} 2\n");
         usleep(20000))
        metrics = http_get(1, "/metrics");
    ck_assert_ptr_nonnull(strstr(metrics, "queue_waiting{queue=\"main\"} 2\n"));
    ck_assert_ptr_nonnull(strstr(metrics, "queue_active{queue=\"main\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(metrics, "kv_batch_size_count"));
}
END_TEST

/* --- streams --- */

struct watcher {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int messages;
    int status;
    int64_t position;
    bool ended;
};

static void on_message(void *self, const ProtobufCMessage *message)
{
    struct watcher *watcher = self;
    const WatchTokenResponse *response = (const WatchTokenResponse *)message;
    pthread_mutex_lock(&watcher->mutex);
    watcher->messages++;
    watcher->status = (int)response->place->status;
    watcher->position = response->place->position;
    pthread_cond_broadcast(&watcher->changed);
    pthread_mutex_unlock(&watcher->mutex);
}

static void on_end(void *self, enum status status)
{
    struct watcher *watcher = self;
    (void)status;
    pthread_mutex_lock(&watcher->mutex);
    watcher->ended = true;
    pthread_cond_broadcast(&watcher->changed);
    pthread_mutex_unlock(&watcher->mutex);
}

static bool wait_for_place(struct watcher *watcher, int status, int64_t position)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    int waited = 0;
    pthread_mutex_lock(&watcher->mutex);
    while ((watcher->status != status || watcher->position != position) && waited == 0)
        waited = pthread_cond_timedwait(&watcher->changed, &watcher->mutex, &until);
    bool good = watcher->status == status && watcher->position == position;
    pthread_mutex_unlock(&watcher->mutex);
    return good;
}

static bool wait_for_end(struct watcher *watcher)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    int waited = 0;
    pthread_mutex_lock(&watcher->mutex);
    while (!watcher->ended && waited == 0)
        waited = pthread_cond_timedwait(&watcher->changed, &watcher->mutex, &until);
    bool ended = watcher->ended;
    pthread_mutex_unlock(&watcher->mutex);
    return ended;
}

START_TEST(a_watcher_sees_the_line_move_until_the_end)
{
    struct watcher watcher = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                              .changed = PTHREAD_COND_INITIALIZER};
    struct rpc_subscription *subscription;
    WatchTokenRequest request;
    char *first = issue(0, 1);
    char *second = issue(0, 2);
    char *third = issue(1, 3);
    boxoffice__queue__v1__watch_token_request__init(&request);
    request.token = third;
    ck_assert_int_eq(rpc_subscribe(actor_begin(&actor), processes[0].client, &watch_type,
                                   &request.base, on_message, on_end, &watcher, &subscription),
                     ST_OK);
    ck_assert(
        wait_for_place(&watcher, BOXOFFICE__QUEUE__V1__PLACE_STATUS__PLACE_STATUS_WAITING, 2));
    /* What happens on another instance is seen on this one. */
    ck_assert(expire(1, first, 1));
    ck_assert(
        wait_for_place(&watcher, BOXOFFICE__QUEUE__V1__PLACE_STATUS__PLACE_STATUS_WAITING, 1));
    ck_assert(expire(1, second, 2));
    ck_assert(wait_for_place(&watcher, BOXOFFICE__QUEUE__V1__PLACE_STATUS__PLACE_STATUS_ACTIVE, 0));
    ck_assert(expire(1, third, 3));
    ck_assert(
        wait_for_place(&watcher, BOXOFFICE__QUEUE__V1__PLACE_STATUS__PLACE_STATUS_EXPIRED, 0));
    ck_assert(wait_for_end(&watcher));
    rpc_unsubscribe(&subscription);
    free(first);
    free(second);
    free(third);
    assert_log_is_in_order();
}
END_TEST

START_TEST(a_stopping_instance_ends_its_streams_and_exits_cleanly)
{
    struct watcher watcher = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                              .changed = PTHREAD_COND_INITIALIZER};
    struct rpc_subscription *subscription;
    WatchTokenRequest request;
    char *token = issue(0, 2);
    boxoffice__queue__v1__watch_token_request__init(&request);
    request.token = token;
    ck_assert_int_eq(rpc_subscribe(actor_begin(&actor), processes[0].client, &watch_type,
                                   &request.base, on_message, on_end, &watcher, &subscription),
                     ST_OK);
    ck_assert(
        wait_for_place(&watcher, BOXOFFICE__QUEUE__V1__PLACE_STATUS__PLACE_STATUS_WAITING, 1));
    kill(processes[0].pid, SIGTERM);
    ck_assert(wait_for_end(&watcher));
    rpc_unsubscribe(&subscription);
    ck_assert_int_eq(stop_process(&processes[0], SIGTERM), 0);
    /* The other one goes on. */
    char *again = issue(1, 2);
    ck_assert_str_eq(again, token);
    free(again);
    free(token);
}
END_TEST

START_TEST(a_killed_instance_leaves_the_line_to_the_other_one)
{
    char *first = issue(0, 1);
    char *second = issue(0, 2);
    (void)stop_process(&processes[0], SIGKILL);
    ck_assert(expire(1, first, 1));
    IssueTokenResponse *response;
    ck_assert_int_eq(try_issue(1, 2, &response), ST_OK);
    ck_assert(!response->created);
    ck_assert_int_eq(response->place->status,
                     BOXOFFICE__QUEUE__V1__PLACE_STATUS__PLACE_STATUS_ACTIVE);
    free(first);
    free(second);
    assert_log_is_in_order();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("the queue service");
    TCase *process = tcase_create("process");
    tcase_set_timeout(process, 60);
    tcase_add_unchecked_fixture(process, fixture_start, fixture_stop);
    tcase_add_checked_fixture(process, set_up, tear_down);
    tcase_add_test(process, any_instance_knows_every_token);
    tcase_add_test(process, readiness_follows_redis_and_liveness_does_not);
    tcase_add_test(process, metrics_tell_how_the_line_is);
    tcase_add_test(process, a_watcher_sees_the_line_move_until_the_end);
    tcase_add_test(process, a_stopping_instance_ends_its_streams_and_exits_cleanly);
    tcase_add_test(process, a_killed_instance_leaves_the_line_to_the_other_one);
    suite_add_tcase(suite, process);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
