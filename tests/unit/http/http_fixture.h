/* A server of ours on a free loopback port and raw TCP clients of it: what is on the wire is what
 * is tested. Every wait ends with a failed test after a generous limit. */
#ifndef HTTP_FIXTURE_H
#define HTTP_FIXTURE_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

#include "http/server.h"

/* Starts with `options` but for listen and server_name; ends the test when that fails. */
struct http_server *fixture_start(struct http_server_options options);

/* A connection to the server; the caller closes it. */
int fixture_connect(const struct http_server *server);
/* All of it; false when the peer has closed. */
bool fixture_send(int fd, const char *text, size_t size);
bool fixture_say(int fd, const char *format, ...) PRINTF_LIKE(2, 3);
/* Reads on into `text` (of `size` bytes, already holding `*used`, NUL kept) until `needle` stands
 * in it; false when the peer closes before. */
bool fixture_read_until(int fd, char *text, size_t size, size_t *used, const char *needle);
/* Whether the peer closes, after whatever it still says. */
bool fixture_is_closed(int fd);

struct answer {
    int code;
    char head[8192]; /* status line and headers */
    char body[32768];
    size_t body_size;
};
/* The next answer on the connection, by its Content-Length; false when the peer closes before it is
 * complete. HEAD's has no body. */
bool fixture_answer(int fd, bool is_head, struct answer *ret_answer);
/* One request on a connection of its own. */
void fixture_ask(const struct http_server *server, const char *request, struct answer *ret_answer);
/* "GET <path>" with nothing special. */
void fixture_get(const struct http_server *server, const char *path, struct answer *ret_answer);
/* Whether the head has this line. */
bool answer_has(const struct answer *answer, const char *line);
/* Whether the problem's code is this one. */
bool answer_says(const struct answer *answer, const char *code);

/* Waits until *flag is at least `value`. */
void fixture_wait_for(const _Atomic int *flag, int value);
int fixture_run(const char *name, TCase *tcase);

#endif
