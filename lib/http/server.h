/* An HTTP/1.1 server over libmicrohttpd: epoll threads read and write, a bounded pool of workers
 * runs blocking handlers while the connection is suspended. TLS and HTTP/2 are the ingress's
 * business. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"

/* Limits; each is refused with the status named. */
enum {
    HTTP_BODY_MAX = 16 * 1024,   /* bytes; 413 BODY_TOO_LARGE, refused as soon as it is known */
    HTTP_HEADER_MAX = 16 * 1024, /* bytes of request line and headers; 431 HEADER_TOO_LARGE */
    HTTP_PATH_MAX = 2048,        /* bytes of the path with its NUL; 431 HEADER_TOO_LARGE */
    HTTP_PATH_PARAMS_MAX = 4,
    HTTP_RESPONSE_HEADERS_MAX = 24,
    HTTP_ARENA_SIZE = 2 * 1024 * 1024, /* a worker's arena; 503 OVERLOADED when full */
};

struct http_request; /* borrowed, valid during the handler */
struct http_server;

/* Never NULL for a `{name}` of the route's pattern; percent-decoded, valid UTF-8 without NUL. */
const char *http_path_param(const struct http_request *request, const char *name);
/* First value of ?name=, percent-decoded; NULL when absent. */
const char *http_query_param(const struct http_request *request, const char *name);
/* Every query name must be one of `names` and come once, else ST_INVALID_REQUEST with a violation.
 */
enum status http_check_query(struct ctx *ctx, const struct http_request *request,
                             const char *const names[], size_t count) MUST_CHECK;
/* Case-insensitive header; NULL when absent. */
const char *http_header(const struct http_request *request, const char *name);
/* Whether If-None-Match names the entity tag (`"v17"`, with its quotes) or is `*`: answer 304
 * without a body then (RFC 9110, 13.1.2). False when the header is absent. */
bool http_matches_etag(const struct http_request *request, const char *etag);
const char *http_body(const struct http_request *request, size_t *ret_size);
const char *http_path(const struct http_request *request);
/* The request's X-Request-Id when it is 1 to 64 visible ASCII characters, else the trace id. */
const char *http_request_id(const struct ctx *ctx, const struct http_request *request);
enum status_language
http_language(const struct http_request *request); /* from Accept-Language: ko or en */

/* What a handler answers; zeroed before. The body lives in the ctx's arena (or is static). */
struct http_response {
    int code;                 /* 0: 200 */
    const char *content_type; /* NULL: application/json */
    const char *body;
    size_t body_size;
    struct {
        const char *name, *value;
    } headers[HTTP_RESPONSE_HEADERS_MAX];
    size_t header_count;
};
void http_add_header(struct http_response *response, const char *name, const char *value);

/* A failed handler is answered as RFC 9457 application/problem+json, in the request's language,
 * with code, trace_id, the ctx's violations as errors[] and its notes as members; retryable 429 and
 * 503 carry Retry-After. Headers that the handler added are kept. */
typedef enum status http_handle_fn(struct ctx *ctx, void *self, const struct http_request *request,
                                   struct http_response *response);

/* Sees every answer before it goes out, refusals and OPTIONS (204 with Allow) too, and may add
 * headers from the ctx's arena. Must not block: refusals have no worker. */
typedef void http_answer_fn(struct ctx *ctx, void *self, const struct http_request *request,
                            struct http_response *response);

struct http_header_line {
    const char *name, *value;
};

struct http_route {
    const char *method;  /* "GET"; HEAD follows GET by itself; OPTIONS answers Allow by itself */
    const char *pattern; /* "/v1/concerts/{concert_id}/dates" */
    http_handle_fn *handle;
    bool needs_json; /* body must be application/json (415) */
};

struct http_server_options {
    const char *listen;              /* "127.0.0.1:8080"; port 0 picks a free one */
    const struct http_route *routes; /* borrowed */
    size_t route_count;
    void *self;
    const char *server_name;    /* for metrics and the log: "gateway", "admin" */
    size_t threads;             /* epoll threads, 0: 2 */
    size_t workers;             /* 0: 64 */
    size_t in_flight_max;       /* queued and running, 0: 1024; more: 503 OVERLOADED at once */
    size_t connections_max;     /* 0: 16384 */
    int64_t idle_timeout_ms;    /* also for slow senders, 0: 30000 */
    int64_t request_timeout_ms; /* from arrival to the ctx's deadline, 0: 10000; 504 TIMEOUT */
    bool log_requests;
    /* On every answer, unless the handler gave the header itself; borrowed. */
    const struct http_header_line *headers;
    size_t header_count;
    http_answer_fn *on_answer; /* NULL: none */
    size_t streams_max;        /* open event streams, 0: none; more: 503 OVERLOADED */
    int64_t heartbeat_ms;      /* of event streams, 0: 15000 */
};

enum status http_server_start(const struct http_server_options *options,
                              struct http_server **ret_server) MUST_CHECK;
int http_server_port(const struct http_server *server);
/* Serves for drain_ms, stops accepting, ends event streams, answers what runs for at most
 * finish_ms, joins and frees. While draining, answers carry Connection: close. */
void http_server_stop(struct http_server **server, int64_t drain_ms, int64_t finish_ms);

#endif
