/* A private Redis for tests: its own process, port, folder and settings; nothing of the machine's
 * is touched. Every function asserts success: a test without its server cannot go on. */
#ifndef SUPPORT_REDIS_H
#define SUPPORT_REDIS_H

#include <stdbool.h>
#include <sys/types.h>

struct support_redis {
    pid_t pid; /* 0 while it does not run */
    int port;
    bool append_only;
    bool cluster;
    char password[64];
    char directory[128];
    char url[192];
};

struct support_redis_options {
    bool append_only;     /* keeps its data over support_redis_kill and _start_again */
    const char *password; /* NULL: none */
    bool cluster;         /* may be a node of a cluster; fails over after about a second */
};

/* Starts one and waits till it answers. NULL options: no append-only file, no password. */
void support_redis_start(struct support_redis *redis, const struct support_redis_options *options);
/* Kills it if it runs and removes its folder. */
void support_redis_stop(struct support_redis *redis);

/* kill -9. */
void support_redis_kill(struct support_redis *redis);
/* Starts it on the same port and folder, after a kill. */
void support_redis_start_again(struct support_redis *redis);
/* Deletes the data folder's content of a killed server. */
void support_redis_delete_data(struct support_redis *redis);
/* SIGSTOP and SIGCONT. */
void support_redis_freeze(struct support_redis *redis);
void support_redis_thaw(struct support_redis *redis);

/* Makes a cluster of masters, the first half, each with a replica among the others. Waits till it
 * serves every slot and every replica follows its master. */
void support_redis_join(struct support_redis nodes[], int count);

/* Runs one command by redis-cli and returns its output (raw, without the last newline) in a static
 * buffer; for set-up and inspection, from one thread. */
const char *support_redis_cli(struct support_redis *redis, const char *const arguments[],
                              int count);
void support_redis_wipe(struct support_redis *redis); /* FLUSHALL, scripts too */

#endif
