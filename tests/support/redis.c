#include "support/redis.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_TRIES = 500, PAUSE_MS = 10, PORT_TRIES = 5, CLI_ARGUMENTS_MAX = 32 };

static void pause_ms(long ms)
{
    struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    nanosleep(&span, NULL);
}

static int loopback_socket(int port, struct sockaddr_in *address)
{
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(fd >= 0);
    return fd;
}

static int free_port(void)
{
    struct sockaddr_in address;
    int fd = loopback_socket(0, &address);
    socklen_t size = sizeof address;
    bool bound = bind(fd, (struct sockaddr *)&address, size) == 0 &&
                 getsockname(fd, (struct sockaddr *)&address, &size) == 0;
    assert(bound);
    close(fd);
    return ntohs(address.sin_port);
}

/* PING by hand, so that support needs no client library. */
static bool answers(const struct support_redis *redis)
{
    struct sockaddr_in address;
    int fd = loopback_socket(redis->port, &address);
    char reply[64] = "";
    bool good = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (good && redis->password[0]) {
        char login[128];
        int size = snprintf(login, sizeof login, "AUTH %s\r\n", redis->password);
        good = write(fd, login, (size_t)size) == size && read(fd, reply, sizeof reply - 1) > 0;
    }
    good = good && write(fd, "PING\r\n", 6) == 6 && read(fd, reply, sizeof reply - 1) > 0 &&
           strncmp(reply, "+PONG", 5) == 0;
    close(fd);
    return good;
}

static void become_redis(const struct support_redis *redis)
{
    char port[16];
    snprintf(port, sizeof port, "%d", redis->port);
    /* Never outlive the test. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir",
           redis->directory, "--save", "", "--appendonly", redis->append_only ? "yes" : "no",
           "--appendfsync", "no", "--daemonize", "no", "--requirepass", redis->password,
           "--cluster-enabled", redis->cluster ? "yes" : "no", "--cluster-node-timeout", "1000",
           (char *)NULL);
    perror("redis-server");
    _exit(127);
}

static bool launch(struct support_redis *redis)
{
    redis->pid = fork();
    assert(redis->pid >= 0);
    if (redis->pid == 0)
        become_redis(redis);
    for (int i = 0; i < START_TRIES; i++) {
        int status;
        if (waitpid(redis->pid, &status, WNOHANG) == redis->pid) {
            redis->pid = 0; /* most likely someone took the port in between */
            return false;
        }
        if (answers(redis))
            return true;
        pause_ms(PAUSE_MS);
    }
    support_redis_kill(redis);
    return false;
}

void support_redis_start(struct support_redis *redis, const struct support_redis_options *options)
{
    *redis = (struct support_redis){0};
    if (options) {
        redis->append_only = options->append_only;
        redis->cluster = options->cluster;
        if (options->password)
            snprintf(redis->password, sizeof redis->password, "%s", options->password);
    }
    snprintf(redis->directory, sizeof redis->directory, "/tmp/boxoffice-redis-XXXXXX");
    char *made = mkdtemp(redis->directory);
    assert(made);

    bool running = false;
    for (int i = 0; i < PORT_TRIES && !running; i++) {
        redis->port = free_port();
        /* A node of a cluster listens on the port 10,000 above too. */
        while (redis->cluster && redis->port > 55535)
            redis->port = free_port();
        running = launch(redis);
    }
    assert(running);
    if (redis->password[0])
        snprintf(redis->url, sizeof redis->url, "redis://:%s@127.0.0.1:%d", redis->password,
                 redis->port);
    else
        snprintf(redis->url, sizeof redis->url, "redis://127.0.0.1:%d", redis->port);
}

void support_redis_kill(struct support_redis *redis)
{
    if (redis->pid == 0)
        return;
    kill(redis->pid, SIGKILL);
    waitpid(redis->pid, NULL, 0);
    redis->pid = 0;
}

void support_redis_start_again(struct support_redis *redis)
{
    assert(redis->pid == 0);
    bool running = launch(redis);
    assert(running);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    return walk->level == 0 ? 0 : remove(path);
}

void support_redis_delete_data(struct support_redis *redis)
{
    assert(redis->pid == 0);
    nftw(redis->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void support_redis_stop(struct support_redis *redis)
{
    support_redis_kill(redis);
    if (redis->directory[0]) {
        support_redis_delete_data(redis);
        rmdir(redis->directory);
    }
    redis->directory[0] = '\0';
}

void support_redis_freeze(struct support_redis *redis)
{
    int sent = kill(redis->pid, SIGSTOP);
    assert(sent == 0);
}

void support_redis_thaw(struct support_redis *redis)
{
    int sent = kill(redis->pid, SIGCONT);
    assert(sent == 0);
}

const char *support_redis_cli(struct support_redis *redis, const char *const arguments[], int count)
{
    static char output[65536];
    char port[16];
    const char *argv[CLI_ARGUMENTS_MAX + 6] = {"redis-cli", "-h", "127.0.0.1", "-p", port};
    int used = 5;
    int ends[2];

    assert(count <= CLI_ARGUMENTS_MAX);
    snprintf(port, sizeof port, "%d", redis->port);
    for (int i = 0; i < count; i++)
        argv[used++] = arguments[i];
    int piped = pipe2(ends, O_CLOEXEC);
    assert(piped == 0);
    pid_t pid = fork();
    assert(pid >= 0);
    if (pid == 0) {
        if (redis->password[0])
            setenv("REDISCLI_AUTH", redis->password, 1);
        dup2(ends[1], STDOUT_FILENO);
        execvp("redis-cli", (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(ends[1]);
    size_t size = 0;
    for (ssize_t got = 1; got > 0 && size < sizeof output - 1; size += (size_t)got) {
        got = read(ends[0], output + size, sizeof output - 1 - size);
        if (got < 0)
            break;
    }
    close(ends[0]);
    waitpid(pid, NULL, 0);
    while (size > 0 && output[size - 1] == '\n')
        size--;
    output[size] = '\0';
    return output;
}

static bool is_joined(struct support_redis *node, int count)
{
    char known[32];
    snprintf(known, sizeof known, "cluster_known_nodes:%d", count);
    const char *info = support_redis_cli(node, (const char *const[]){"CLUSTER", "INFO"}, 2);
    if (!strstr(info, "cluster_state:ok") || !strstr(info, known))
        return false;
    info = support_redis_cli(node, (const char *const[]){"INFO", "replication"}, 2);
    return strstr(info, "master_link_status:up") || strstr(info, "state=online");
}

void support_redis_join(struct support_redis nodes[], int count)
{
    char addresses[CLI_ARGUMENTS_MAX][32];
    const char *arguments[CLI_ARGUMENTS_MAX] = {"--cluster", "create"};
    int used = 2;
    assert(count >= 6 && count + 5 <= CLI_ARGUMENTS_MAX);
    for (int i = 0; i < count; i++) {
        snprintf(addresses[i], sizeof addresses[i], "127.0.0.1:%d", nodes[i].port);
        arguments[used++] = addresses[i];
    }
    arguments[used++] = "--cluster-replicas";
    arguments[used++] = "1";
    arguments[used++] = "--cluster-yes";
    (void)support_redis_cli(&nodes[0], arguments, used);
    bool joined = false;
    for (int tries = 0; tries < START_TRIES && !joined; tries++) {
        joined = true;
        for (int i = 0; i < count && joined; i++)
            joined = is_joined(&nodes[i], count);
        if (!joined)
            pause_ms(10 * PAUSE_MS);
    }
    assert(joined);
}

void support_redis_wipe(struct support_redis *redis)
{
    (void)support_redis_cli(redis, (const char *const[]){"FLUSHALL"}, 1);
    (void)support_redis_cli(redis, (const char *const[]){"SCRIPT", "FLUSH"}, 2);
}
