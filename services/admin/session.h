/* What one command needs to call a peer: settings, a client and memory. */
#ifndef ADMIN_SESSION_H
#define ADMIN_SESSION_H

#include <stdbool.h>

#include "base/ctx.h"
#include "config.h"

enum { SESSION_CALL_MS = 10000 };

struct rpc_client;
struct session {
    struct peer_config config;
    const struct config_setting *settings;
    struct rpc_client *client;
    void *block;
    struct arena arena;
};

/* False when the settings are bad, which was told on stderr; session_done either way. `peer` is the
 * service's name for mutual TLS. */
bool session_begin(struct session *session, const char *peer,
                   const struct config_setting *settings);
void session_done(struct session *session);

/* A ctx of its own for each call: memory and time start anew. */
void session_begin_call(struct ctx *ctx, struct arena *arena, int64_t timeout_ms);
/* Tells a failure with its violations on stderr; the exit code. */
int session_report(const struct ctx *ctx, const char *what, enum status status);

#endif
