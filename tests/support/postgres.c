#include "support/postgres.h"

#include <assert.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BIN "/usr/lib/postgresql/15/bin/"

enum { START_TRIES = 1000, PAUSE_MS = 10, OUTPUT_MAX = 65536, PATH_SIZE = 512 };

/* PostgreSQL refuses to run as root. */
static void drop_root(void)
{
    if (geteuid() != 0)
        return;
    const struct passwd *user = getpwnam("postgres");
    if (user == NULL || initgroups("postgres", user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
        setuid(user->pw_uid) != 0)
        _exit(126);
}

static void become(char *const argv[], const char *output)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* never outlive the test */
    drop_root();
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* forgotten when the user changes */
    const int out = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execvp(argv[0], argv);
    _exit(127);
}

static void run(char *const argv[], const char *output)
{
    const pid_t child = fork();
    assert(child >= 0);
    if (child == 0)
        become(argv, output);
    int status = 0;
    const pid_t waited = waitpid(child, &status, 0);
    assert(waited == child && status == 0);
}

/* Runs a shell command line made of trusted parts and keeps its output. */
static const char *output_of(const char *command, int *ret_status)
{
    static char output[OUTPUT_MAX];
    FILE *pipe = popen(command, "re");
    assert(pipe != NULL);
    const size_t size = fread(output, 1, sizeof output - 1, pipe);
    *ret_status = pclose(pipe);
    output[size] = '\0';
    if (size > 0 && output[size - 1] == '\n')
        output[size - 1] = '\0';
    return output;
}

static bool answers(const struct support_postgres *postgres)
{
    char command[PATH_SIZE];
    int status;
    snprintf(command, sizeof command, BIN "pg_isready -q -h %s", postgres->directory);
    output_of(command, &status);
    return status == 0;
}

static void launch(struct support_postgres *postgres)
{
    char data[PATH_SIZE], log[PATH_SIZE];
    snprintf(data, sizeof data, "%s/data", postgres->directory);
    snprintf(log, sizeof log, "%s/log", postgres->directory);
    char *const argv[] = {(char[]){BIN "postgres"},
                          (char[]){"-D"},
                          data,
                          (char[]){"-k"},
                          postgres->directory,
                          (char[]){"-c"},
                          (char[]){"listen_addresses="},
                          (char[]){"-c"},
                          (char[]){"fsync=off"},
                          (char[]){"-c"},
                          (char[]){"max_connections=200"},
                          NULL};
    postgres->pid = fork();
    assert(postgres->pid >= 0);
    if (postgres->pid == 0)
        become(argv, log);
    bool running = false;
    for (int i = 0; i < START_TRIES && !running; i++) {
        const struct timespec span = {.tv_nsec = PAUSE_MS * 1000000L};
        nanosleep(&span, NULL);
        running = answers(postgres);
    }
    assert(running);
}

void support_postgres_start(struct support_postgres *postgres)
{
    *postgres = (struct support_postgres){0};
    snprintf(postgres->directory, sizeof postgres->directory, "/tmp/boxoffice-postgres-XXXXXX");
    char *made = mkdtemp(postgres->directory);
    assert(made != NULL);
    const struct passwd *user = getpwnam("postgres");
    if (geteuid() == 0) {
        const int changed =
            user == NULL ? -1 : chown(postgres->directory, user->pw_uid, user->pw_gid);
        assert(changed == 0);
    }
    char data[PATH_SIZE], log[PATH_SIZE];
    snprintf(data, sizeof data, "%s/data", postgres->directory);
    snprintf(log, sizeof log, "%s/log", postgres->directory);
    char *const argv[] = {(char[]){BIN "initdb"},
                          (char[]){"-D"},
                          data,
                          (char[]){"--auth=trust"},
                          (char[]){"--no-sync"},
                          (char[]){"--encoding=UTF8"},
                          (char[]){"--locale=C"},
                          (char[]){"--username=postgres"},
                          (char[]){"--no-instructions"},
                          NULL};
    run(argv, log);
    snprintf(postgres->url, sizeof postgres->url, "postgresql:///postgres?host=%s&user=postgres",
             postgres->directory);
    launch(postgres);
}

void support_postgres_kill(struct support_postgres *postgres)
{
    if (postgres->pid == 0)
        return;
    kill(postgres->pid, SIGQUIT); /* "immediate": as after a crash */
    waitpid(postgres->pid, NULL, 0);
    postgres->pid = 0;
}

void support_postgres_start_again(struct support_postgres *postgres)
{
    assert(postgres->pid == 0);
    launch(postgres);
}

void support_postgres_stop(struct support_postgres *postgres)
{
    support_postgres_kill(postgres);
    char command[PATH_SIZE];
    int status;
    snprintf(command, sizeof command, "rm -rf -- %s", postgres->directory);
    output_of(command, &status);
    assert(status == 0);
}

void support_postgres_add_service(struct support_postgres *postgres, const char *service,
                                  char ret_owner_url[static SUPPORT_URL_SIZE],
                                  char ret_app_url[static SUPPORT_URL_SIZE])
{
    const char *source = getenv("BOXOFFICE_SOURCE_DIR");
    assert(source != NULL);
    char command[2 * PATH_SIZE];
    int status;
    snprintf(
        command, sizeof command,
        "psql -qAtX -v ON_ERROR_STOP=1 -v service=%s -v owner_password=owner "
        "-v app_password=app -v audit_password=audit -f '%s/deploy/postgres/service.sql' '%s' 2>&1",
        service, source, postgres->url);
    const char *output = output_of(command, &status);
    if (status != 0)
        fprintf(stderr, "%s\n", output);
    assert(status == 0);
    snprintf(ret_owner_url, SUPPORT_URL_SIZE, "postgresql:///%s?host=%s&user=%s_owner", service,
             postgres->directory, service);
    snprintf(ret_app_url, SUPPORT_URL_SIZE, "postgresql:///%s?host=%s&user=%s_app", service,
             postgres->directory, service);
}

/* The SQL goes through a file, so that no quoting can go wrong. */
static const char *psql(const char *url, const char *sql, int *ret_status)
{
    char path[] = "/tmp/boxoffice-sql-XXXXXX";
    const int fd = mkstemp(path);
    assert(fd >= 0);
    const ssize_t written = write(fd, sql, strlen(sql));
    assert(written == (ssize_t)strlen(sql));
    close(fd);
    char command[2 * PATH_SIZE];
    snprintf(command, sizeof command, "psql -qAtX -v ON_ERROR_STOP=1 -f %s '%s' 2>&1", path, url);
    const char *output = output_of(command, ret_status);
    unlink(path);
    return output;
}

const char *support_postgres_psql(const char *url, const char *sql)
{
    int status;
    const char *output = psql(url, sql, &status);
    if (status != 0)
        fprintf(stderr, "%s\n%s\n", sql, output);
    assert(status == 0);
    return output;
}

const char *support_postgres_refusal(const char *url, const char *sql)
{
    static char line[512];
    int status;
    const char *output = psql(url, sql, &status);
    const size_t length = strcspn(output, "\n");
    snprintf(line, sizeof line, "%.*s", status == 0 ? 0 : (int)length, output);
    return line;
}
