/* A TCP relay that misbehaves on demand: it stands between a client and a server of the loopback,
 * delays, loses replies or requests, freezes, trickles, cuts. One thread of its own. */
#ifndef SUPPORT_RELAY_H
#define SUPPORT_RELAY_H

#include <stdbool.h>

struct support_relay;

/* How bytes pass, until told otherwise. */
enum relay_way {
    RELAY_PASS,         /* as they come */
    RELAY_FREEZE,       /* nothing is read from either side: a cable pulled, nobody told */
    RELAY_DROP_REPLIES, /* what the server says is read and thrown away */
    RELAY_DROP_REQUESTS,
    RELAY_TRICKLE, /* a few bytes every millisecond */
    RELAY_REFUSE,  /* new connections are closed at once, those there are stay as they are */
};

/* Listens on a free port of the loopback, or on `port`, and passes on to target_port. Asserts
 * success. */
struct support_relay *support_relay_start(int port, int target_port);
void support_relay_stop(struct support_relay **relay);
int support_relay_port(const struct support_relay *relay);

/* Any thread, at any time; it holds for connections that are there and for new ones. */
void support_relay_set(struct support_relay *relay, enum relay_way way);
/* Every byte comes so much later, in both directions. */
void support_relay_delay(struct support_relay *relay, int ms);
/* Resets every connection there is. */
void support_relay_cut(struct support_relay *relay);
int support_relay_connections(struct support_relay *relay);
/* Bytes of replies that were thrown away so far. */
long support_relay_dropped(struct support_relay *relay);

#endif
