/* The services behind the gateway, as the test says they are: takes the place of peers.c. */
#ifndef FAKE_GATEWAY_PEERS_H
#define FAKE_GATEWAY_PEERS_H

#include "boxoffice/queue/v1/queue.pb-c.h"
#include "peers.h"

enum { FAKE_CALLS = CALL_COUNT_PAYMENTS + 1 };

struct fake_peers {
    enum status status;               /* what every call but VerifyTokens answers */
    enum status statuses[FAKE_CALLS]; /* of one call alone, when not ST_OK */
    enum status verify_status;        /* what VerifyTokens itself answers */
    const char *token_code;           /* what it says of every token: "OK", "NOT_YOUR_TURN" ... */
    bool is_replay;                   /* of a refused Pay: it repeats the first answer */
    bool is_new;                      /* created, not replayed */
    bool is_pending;                  /* of a payment */
    int counts[FAKE_CALLS];
    const char *etag;    /* of the catalog's answers */
    char known_etag[80]; /* of the last call that has one */
    bool replay_only;    /* of the last Pay */
    char key[160];       /* Idempotency-Key of the last call that has one */
    char queue[80];      /* queue of the last call that has one */
    /* A queue's policy: what GetQueue tells and SetPolicy keeps. */
    Boxoffice__Queue__V1__Policy policy;
};

extern struct fake_peers fake_peers;

/* Everybody is well and it is everybody's turn. */
void fake_peers_reset(void);
/* Calls of everything but VerifyTokens. */
int fake_peers_called(void);

#endif
