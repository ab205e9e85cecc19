#include "app/app.h"

#include <ctype.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/settings.h"
#include "log/log.h"
#include "trace/trace.h"

enum {
    MIGRATE_TIMEOUT_MS = 120000, /* other instances may be migrating before us */
    FINISH_MS = 10000,
    ARENA_SIZE = 256 * 1024,
};

static void block_signals(void)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int migrate(const struct app_options *options)
{
    char name[64];
    snprintf(name, sizeof name, "%s_MIGRATE_DB_URL", options->service);
    for (char *c = name; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    if (options->migrate == NULL) {
        fprintf(stderr, "%s has nothing to migrate\n", options->service);
        return 2;
    }
    const struct config_setting setting = {
        name, CONFIG_SECRET, 0, NULL, 1, 1024, "", "PostgreSQL, as the role that owns the tables",
    };
    char *url = NULL;
    if (config_load(&setting, 1, &url, stderr) != ST_OK)
        return 2;

    static unsigned char block[ARENA_SIZE];
    struct arena arena;
    struct ctx ctx;
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, MIGRATE_TIMEOUT_MS);
    const enum status status = options->migrate(&ctx, url);
    log_line(status == ST_OK ? LOG_INFO : LOG_ERROR, &ctx, "migrate: %s %s", status_name(status),
             ctx.detail);
    config_done(&setting, 1, &url);
    return status == ST_OK ? 0 : 1;
}

int app_start(const struct app_options *options, int argc, char **argv)
{
    block_signals();
    log_init(options->service, LOG_INFO);
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        config_print_help(options->settings, options->setting_count, argv[0], stdout);
        puts("\nOf every program:\n");
        config_print_settings(app_setting_table, app_setting_count, stdout);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "migrate") == 0)
        return migrate(options);
    if (argc != 1) {
        fprintf(stderr, "usage: %s [--help | migrate]\n", argv[0]);
        return 2;
    }
    /* Both tables, so that all bad settings are told at once. */
    const enum status own =
        config_load(options->settings, options->setting_count, options->config, stderr);
    if (app_settings_load(stderr) != ST_OK || own != ST_OK)
        return 2;
    if (app_settings()->trace_url[0] != '\0')
        trace_start(&(struct trace_options){
            .service = options->service,
            .url = app_settings()->trace_url,
            .sample_per_mille = app_settings()->trace_sample_per_mille,
        });
    char *settings = config_dump(options->settings, options->setting_count, options->config);
    log_line(LOG_INFO, NULL, "starting with %s", settings == NULL ? "" : settings);
    free(settings);
    return APP_SERVE;
}

static void set_serving(void *self, bool ready)
{
    struct rpc_server *server = self;
    if (server != NULL)
        rpc_server_set_serving(server, ready);
    log_line(LOG_INFO, NULL, ready ? "ready" : "not ready");
}

static void wait_for_signal(void)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    int signal_number = 0;
    while (sigwait(&stop, &signal_number) != 0)
        ;
    log_line(LOG_INFO, NULL, "stopping after signal %d", signal_number);
}

int app_serve(const struct app_serving *serving)
{
    struct rpc_server *server = NULL;
    if (serving->rpc != NULL) {
        struct rpc_server_options options = *serving->rpc;
        options.tls = app_tls();
        if (rpc_server_start(&options, &server) != ST_OK) {
            log_line(LOG_ERROR, NULL, "cannot listen on %s", options.listen);
            return 1;
        }
    }
    const struct http_admin_options admin_options = {
        .listen = serving->admin_listen,
        .dependencies = serving->dependencies,
        .dependency_count = serving->dependency_count,
        .on_ready = set_serving,
        .self = server,
    };
    struct http_admin *admin = NULL;
    if (http_admin_start(&admin_options, &admin) != ST_OK) {
        log_line(LOG_ERROR, NULL, "cannot listen on %s", serving->admin_listen);
        if (server != NULL)
            rpc_server_stop(&server, 0, 0);
        return 1;
    }
    log_line(LOG_INFO, NULL, "serving, rpc port %d, admin port %d",
             server == NULL ? 0 : rpc_server_port(server), http_admin_port(admin));

    wait_for_signal();
    http_admin_set_draining(admin);
    if (serving->on_drain != NULL)
        serving->on_drain(serving->self);
    const int64_t finish_ms = serving->finish_ms == 0 ? FINISH_MS : serving->finish_ms;
    /* The admin endpoint goes first: it would tell the server to serve again. */
    if (server != NULL)
        rpc_server_set_serving(server, false);
    http_admin_stop(&admin);
    if (server != NULL)
        rpc_server_stop(&server, app_settings()->drain_ms, finish_ms);
    trace_stop();
    log_line(LOG_INFO, NULL, "stopped");
    return 0;
}
