/* Event streams: server-sent events
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html). A handler begins a stream,
 * hands it to whoever knows the news, and returns: no stream holds a worker or a thread. State, not
 * a log: an event that a slow reader has not been sent yet is replaced by the next one, so a stream
 * never keeps more than two.
 *
 * Every stream begins with its `retry:` line, gets a comment when nothing was said for
 * heartbeat_ms, and closes its connection when it ends. Answers carry text/event-stream,
 * Cache-Control: no-store and X-Accel-Buffering: no. */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "http/server.h"

enum {
    HTTP_EVENT_MAX = 64 * 1024, /* bytes of one event as sent; a larger one is not taken */
    HTTP_EVENT_RETRY_MS = 2000, /* when a reader comes back after its stream ended */
};

struct http_stream;

/* Exactly once, when nothing can be sent any more: the reader went away, the stream was finished
 * and the rest sent, or the server stops. On a thread of the server: never block there. Never
 * before the handler has returned. */
typedef void http_closed_fn(void *self);

/* From a GET handler, at most once a request: makes its answer a stream. The handler then returns
 * ST_OK and leaves the response alone but for headers; if it fails instead, the stream is closed
 * unsent. The caller owns one reference. on_closed may be NULL. ST_OVERLOADED when streams_max are
 * open, ST_UNAVAILABLE when the server stops; nothing was begun then. */
enum status http_stream_begin(struct ctx *ctx, const struct http_request *request,
                              http_closed_fn *on_closed, void *self,
                              struct http_stream **ret_stream) MUST_CHECK;
/* Sends an event, or keeps it as the newest until the reader is ready; what has not been sent is
 * replaced. event and id may be NULL; line breaks in data make several data lines. Any thread,
 * never blocks. False, and not taken, when the stream is over or the event too large. */
bool http_stream_send(struct http_stream *stream, const char *event, const char *id,
                      const char *data);
/* Ends the stream once what was sent last has gone out. */
void http_stream_finish(struct http_stream *stream);
/* Whether the last event has not begun to go out: a further one takes its place. */
bool http_stream_is_behind(struct http_stream *stream);
bool http_stream_is_over(struct http_stream *stream);
/* Another owner of the stream. */
struct http_stream *http_stream_acquire(struct http_stream *stream);
/* Gives the owner's reference back; the last one finishes the stream. Sets NULL. */
void http_stream_release(struct http_stream **stream);

#endif
