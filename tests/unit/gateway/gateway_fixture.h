/* The gateway's routes behind a real HTTP server on a free port of the loopback, and a client. */
#ifndef GATEWAY_FIXTURE_H
#define GATEWAY_FIXTURE_H

#include <jansson.h>

#define FIXTURE_USER  "00000000-0000-4000-8000-000000000001"
#define FIXTURE_OTHER "00000000-0000-4000-8000-000000000002"

struct answer {
    int code;
    char headers[4096]; /* as received */
    json_t *json;       /* NULL: no body */
};

/* Rates of 0 limit nobody. */
void fixture_start(long user_rate, long address_rate);
void fixture_stop(void);
/* The operator's view opens to this secret (borrowed, as the file's name is). */
void fixture_open_ops(const char *secret, const char *audit_file, long rate);
/* From now on a place needs a token of this identity provider (borrowed). */
struct identity;
void fixture_require_identity(struct identity *identity);
/* From now on pages of these origins may call (borrowed). */
void fixture_allow_origins(const char *origins);
/* From now on these files are served (borrowed). */
struct web_files;
void fixture_serve(const struct web_files *files);

/* A token of FIXTURE_USER in queue main, signed by the gateway's key or, not so good, by another.
 */
const char *fixture_token(void);
const char *fixture_forged_token(void);

/* Sends "<method> <path>" with these header lines ("a: b\r\n...", may be "") and body (NULL: none);
 * answer_done() after. */
struct answer fixture_ask(const char *method, const char *path, const char *headers,
                          const char *body);
void answer_done(struct answer *answer);
/* Value of a header into a buffer of the fixture's; NULL when absent. */
const char *answer_header(const struct answer *answer, const char *name);
/* "" unless the body has the text member. */
const char *answer_text(const struct answer *answer, const char *name);

#endif
