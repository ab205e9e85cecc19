/* What every answer of the gateway carries, whatever it is about. */
#ifndef GATEWAY_EDGE_H
#define GATEWAY_EDGE_H

#include "http/server.h"

/* Headers that tell a browser to be strict; a page's own policy stands in for the general one. */
extern const struct http_header_line gateway_headers[];
extern const size_t gateway_header_count;

#endif
