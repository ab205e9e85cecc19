/* A private PostgreSQL for tests: its own process, folder and Unix socket; nothing of the machine's
 * is touched. As root the server runs as user postgres. Every function asserts success: a test
 * without its server cannot go on. */
#ifndef SUPPORT_POSTGRES_H
#define SUPPORT_POSTGRES_H

#include <sys/types.h>

struct support_postgres {
    pid_t pid; /* 0 while it does not run */
    char directory[96];
    char url[256]; /* of the superuser, database postgres */
};

void support_postgres_start(struct support_postgres *postgres);
/* Stops it at once and removes its folder. */
void support_postgres_stop(struct support_postgres *postgres);

/* As a crash of the machine would: every connection is cut, nothing is shut down. */
void support_postgres_kill(struct support_postgres *postgres);
/* Starts it in the same folder, after a kill. */
void support_postgres_start_again(struct support_postgres *postgres);

enum { SUPPORT_URL_SIZE = 256 };
/* One service's database and roles by deploy/postgres/service.sql: the URLs of owner and app role.
 */
void support_postgres_add_service(struct support_postgres *postgres, const char *service,
                                  char ret_owner_url[static SUPPORT_URL_SIZE],
                                  char ret_app_url[static SUPPORT_URL_SIZE]);

/* Runs SQL by psql against a URL and returns its output (unaligned, tuples only, without the last
 * newline) in a static buffer; "" also for no rows. For set-up and inspection, from one thread. */
const char *support_postgres_psql(const char *url, const char *sql);
/* As above, for SQL that must be refused: the first line of the error, "" when it was not refused.
 */
const char *support_postgres_refusal(const char *url, const char *sql);

#endif
