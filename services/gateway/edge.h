/* What every answer of the gateway carries, whatever it is about. */
#ifndef GATEWAY_EDGE_H
#define GATEWAY_EDGE_H

#include "http/server.h"

/* Headers that tell a browser to be strict; a page's own policy stands in for the general one. */
extern const struct http_header_line gateway_headers[];
extern const size_t gateway_header_count;

/* Whether text is a list of origins, "https://a.example https://b.example:8443", or "*" for any, or
 * empty for none. */
bool edge_origins_are_valid(const char *text);
/* Cross-origin requests (https://fetch.spec.whatwg.org/#http-cors-protocol): pages of the listed
 * origins may call the API; never the operator's view, and never with cookies, of which there are
 * none. `self` is the gateway. */
http_answer_fn edge_on_answer;

#endif
