/* The life of a service's process, so that every main.c is flat: arguments, settings, log, signals,
 * the rpc server with its admin endpoint, graceful stop. Beside its own table every program has the
 * settings of app/settings.h; the rpc server follows them by itself. */
#ifndef APP_APP_H
#define APP_APP_H

#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "config/config.h"
#include "http/admin.h"
#include "rpc/server.h"

struct app_options {
    const char *service; /* "wallet" */
    const struct config_setting *settings;
    size_t setting_count;
    void *config; /* zeroed; filled by app_start */
    /* Runs the migrations with the owner's role (URL in <SERVICE>_MIGRATE_DB_URL); NULL: none. */
    enum status (*migrate)(struct ctx *ctx, const char *owner_url);
};

enum { APP_SERVE = -1 };

/* Call first in main. Blocks SIGTERM and SIGINT for every thread (they are read by app_serve),
 * ignores SIGPIPE, and looks at the arguments: none: loads the settings and returns APP_SERVE;
 * --help prints the table; `migrate` migrates; anything else, or a bad setting: a message on
 * standard error. Other than APP_SERVE the result is the exit code. */
int app_start(const struct app_options *options, int argc, char **argv);

struct app_serving {
    const char *admin_listen;
    const struct http_dependency *dependencies;
    size_t dependency_count;
    const struct rpc_server_options *rpc; /* NULL: the process has no rpc server (gateway) */
    int64_t finish_ms;                    /* for what runs; 0: 10000 */
    /* Called after the admin endpoint turned NOT ready and before the rpc server stops; may be
     * NULL. */
    void (*on_drain)(void *self);
    void *self;
};

/* Serves until SIGTERM or SIGINT, then drains and stops. Health follows the dependencies. The exit
 * code: 0 after a graceful stop. Logs a line "serving" with the ports bound. */
int app_serve(const struct app_serving *serving);

#endif
