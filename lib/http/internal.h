/* One request on its way through the server; shared by server.c, request.c and problem.c. */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include <microhttpd.h>

#include "http/server.h"
#include "http/stream.h"

enum { HTTP_SEGMENT_MAX = 256 };

struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    char method[16];
    char path[HTTP_PATH_MAX]; /* as sent, without the query */
    const struct http_route *route;
    struct {
        char name[32];
        char value[HTTP_SEGMENT_MAX];
    } params[HTTP_PATH_PARAMS_MAX];
    size_t param_count;

    char *body; /* HTTP_BODY_MAX + 1 bytes; NULL while nothing came: most requests have none */
    size_t body_size, dropped;
    int64_t started_us;
    enum status refusal; /* found before the handler could run */
    struct MHD_Response *answer;
    unsigned answer_code;
    bool handed_over;           /* to a worker, which has answered when it is called back */
    bool must_close;            /* no further request on this connection */
    struct http_stream *stream; /* what the answer is, NULL for a plain one */
};

/* Finds the route. ST_ROUTE_NOT_FOUND, ST_METHOD_NOT_ALLOWED, ST_INVALID_REQUEST (a segment that is
 * no UTF-8). */
enum status http_find_route(struct http_request *request, const struct http_route *routes,
                            size_t count) MUST_CHECK;
/* "GET, HEAD, POST, OPTIONS": what the request's path takes. */
void http_allowed_methods(const struct http_request *request, const struct http_route *routes,
                          size_t count, char *ret_text, size_t size);
/* Percent-decodes into `to`; false when it does not fit, is broken, or is not UTF-8 without NUL. */
bool http_decode(const char *from, char *to, size_t size);

/* --- event streams, behind stream.h --- */

struct http_streams;
struct http_streams *http_streams_start(size_t max, int64_t heartbeat_ms, const char *server_name);
/* Ends all that are open and refuses new ones. */
void http_streams_end_all(struct http_streams *streams);
size_t http_streams_open(struct http_streams *streams);
/* After the last has been closed; sets NULL. */
void http_streams_stop(struct http_streams **streams);
struct http_streams *http_server_streams(struct http_server *server);
/* The answer that reads from the request's stream; takes no reference: the stream lives until it is
 * closed. */
struct MHD_Response *http_stream_answer(struct http_request *request);
/* The connection is done with the stream, or never began it: tells the owner. Sets NULL. */
void http_stream_close(struct http_stream **stream);

/* Fills the response with RFC 9457 problem details for a failed ctx. */
void http_write_problem(struct ctx *ctx, const struct http_request *request, enum status status,
                        struct http_response *response);

#endif
