#include "session.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/settings.h"
#include "commands.h"
#include "rpc/client.h"

enum { CALL_ARENA_SIZE = 1024 * 1024 };

void session_begin_call(struct ctx *ctx, struct arena *arena, int64_t timeout_ms)
{
    arena_reset(arena);
    ctx_init(ctx, arena);
    ctx_set_timeout_ms(ctx, timeout_ms);
}

int session_report(const struct ctx *ctx, const char *what, enum status status)
{
    fprintf(stderr, "boxoffice-admin: %s: %s %s\n", what, status_name(status), ctx->detail);
    for (size_t i = 0; i < ctx->violation_count; i++)
        fprintf(stderr, "  %s %s\n", ctx->violations[i].pointer, ctx->violations[i].description);
    return EXIT_NOT_DONE;
}

bool session_begin(struct session *session, const char *peer, const struct config_setting *settings)
{
    *session = (struct session){.settings = settings};
    if (config_load(settings, peer_setting_count, &session->config, stderr) != ST_OK ||
        app_settings_load(stderr) != ST_OK)
        return false;
    session->block = malloc(CALL_ARENA_SIZE);
    if (!session->block)
        return false;
    arena_init(&session->arena, session->block, CALL_ARENA_SIZE);
    return rpc_client_new(&(struct rpc_client_options){.target = session->config.target,
                                                       .tls = app_tls(),
                                                       .peer = peer},
                          &session->client) == ST_OK;
}

void session_done(struct session *session)
{
    rpc_client_free(&session->client);
    free(session->block);
    config_done(session->settings, peer_setting_count, &session->config);
}
