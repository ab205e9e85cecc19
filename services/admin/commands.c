#include "commands.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/settings.h"
#include "audit.h"
#include "base/checked.h"
#include "base/clock.h"
#include "config.h"
#include "peers.h"
#include "policy.h"
#include "report.h"
#include "rpc/client.h"

enum {
    CALL_ARENA_SIZE = 1024 * 1024,
    CALL_TIMEOUT_MS = 10000,
    AUDIT_TIMEOUT_MS = 300000,
    AUDIT_WAIT_S_DEFAULT = 10,
    AUDIT_WAIT_S_MAX = 3600,
    AUDIT_PAUSE_MS = 500,
};

/* A ctx of its own for each call: memory and time start anew. */
static void begin_call(struct ctx *ctx, struct arena *arena, int64_t timeout_ms)
{
    arena_reset(arena);
    ctx_init(ctx, arena);
    ctx_set_timeout_ms(ctx, timeout_ms);
}

static int report_failure(const struct ctx *ctx, const char *what, enum status status)
{
    fprintf(stderr, "boxoffice-admin: %s: %s %s\n", what, status_name(status), ctx->detail);
    for (size_t i = 0; i < ctx->violation_count; i++)
        fprintf(stderr, "  %s %s\n", ctx->violations[i].pointer, ctx->violations[i].description);
    return EXIT_NOT_DONE;
}

/* --- calls of a peer: client and memory for one command --- */

struct session {
    struct peer_config config;
    const struct config_setting *settings;
    struct rpc_client *client;
    void *block;
    struct arena arena;
};

static bool session_begin(struct session *session, const char *peer,
                          const struct config_setting *settings)
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

static void session_done(struct session *session)
{
    rpc_client_free(&session->client);
    free(session->block);
    config_done(session->settings, peer_setting_count, &session->config);
}

/* --- seed-demo --- */

static enum status seed_concert(struct session *session, struct ctx *ctx,
                                const struct demo_concert *demo, int64_t now_unix_ms, int *added)
{
    bool created;
    begin_call(ctx, &session->arena, CALL_TIMEOUT_MS);
    TRY(peer_create_concert(ctx, session->client, demo, &created));
    for (int days = 1; days <= DEMO_DATES; days++) {
        struct demo_date date = demo_date(now_unix_ms, days);
        begin_call(ctx, &session->arena, CALL_TIMEOUT_MS);
        TRY(peer_add_date(ctx, session->client, demo, &date, &created));
        *added += created;
    }
    return ST_OK;
}

int command_seed_demo(int argc, char **argv)
{
    (void)argv;
    if (argc != 0)
        return EXIT_USAGE;

    struct session session;
    int code = EXIT_DONE;
    if (!session_begin(&session, "concert", concert_peer_settings))
        code = EXIT_USAGE;
    int64_t now_unix_ms = clock_wall_ms();
    for (size_t i = 0; i < demo_concert_count && code == EXIT_DONE; i++) {
        struct ctx ctx;
        int added = 0;
        enum status status = seed_concert(&session, &ctx, &demo_concerts[i], now_unix_ms, &added);
        if (status != ST_OK)
            code = report_failure(&ctx, demo_concerts[i].title, status);
        else
            printf("%s  %s: %d dates of %d seats, %d new\n", demo_concerts[i].concert_id,
                   demo_concerts[i].title, DEMO_DATES, DEMO_SEATS, added);
    }
    session_done(&session);
    return code;
}

/* --- queue and policy --- */

static void print_figures(const char *name, const struct queue_figures *figures)
{
    const struct queue_policy *policy = &figures->policy;
    printf("queue %s\n", name);
    printf("  policy %s%s capacity=%" PRId64 " admit_batch=%" PRId64 " admit_interval_ms=%" PRId64
           " active_ttl_ms=%" PRId64 " absent_ms=%" PRId64 "\n",
           policy_kind_names[policy->kind], policy->paused ? " (paused)" : "", policy->capacity,
           policy->admit_batch, policy->admit_interval_ms, policy->active_ttl_ms,
           policy->absent_ms);
    printf("  waiting %" PRId64 ", active %" PRId64 ", oldest wait %" PRId64 " ms\n",
           figures->waiting, figures->active, figures->oldest_wait_ms);
    printf("  admitted %" PRId64 ", skipped %" PRId64 ", %" PRId64 ".%03" PRId64
           " admitted a second, last sequence %" PRId64 "\n",
           figures->admitted_total, figures->skipped_total, figures->admission_rate_milli / 1000,
           figures->admission_rate_milli % 1000, figures->last_sequence);
}

int command_queue(int argc, char **argv)
{
    if (argc != 1)
        return EXIT_USAGE;
    return command_policy(argc, argv);
}

int command_policy(int argc, char **argv)
{
    if (argc < 1)
        return EXIT_USAGE;

    struct session session;
    struct ctx ctx;
    struct queue_figures figures;
    if (!session_begin(&session, "queue", queue_peer_settings)) {
        session_done(&session);
        return EXIT_USAGE;
    }
    begin_call(&ctx, &session.arena, CALL_TIMEOUT_MS);
    enum status status = peer_get_queue(&ctx, session.client, argv[0], &figures);
    for (int i = 1; i < argc && status == ST_OK; i++) {
        status = policy_apply(&figures.policy, argv[i]);
        if (status != ST_OK)
            ctx_violate(&ctx, argv[i], "is no kind of policy, pause, resume or member=number");
    }
    if (status == ST_OK && argc > 1)
        status = peer_set_policy(&ctx, session.client, argv[0], &figures.policy);
    if (status == ST_OK)
        print_figures(argv[0], &figures);
    int code = status == ST_OK ? EXIT_DONE : report_failure(&ctx, argv[0], status);
    session_done(&session);
    return code;
}

/* --- audit --- */

struct audit_words {
    bool json;
    int64_t wait_s;
};

static bool read_audit_words(int argc, char **argv, struct audit_words *ret_words)
{
    *ret_words = (struct audit_words){.wait_s = AUDIT_WAIT_S_DEFAULT};
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            ret_words->json = true;
            continue;
        }
        if (strcmp(argv[i], "--wait") != 0 || i + 1 == argc)
            return false;
        i++;
        if (!base_parse_int64(argv[i], &ret_words->wait_s) || ret_words->wait_s < 0 ||
            ret_words->wait_s > AUDIT_WAIT_S_MAX)
            return false;
    }
    return true;
}

/* Looks until nothing is wrong or the wait is over: sweepers, recovery and the admission log need a
 * moment. What is truly broken stays broken. */
static enum status audit_until_quiet(struct ctx *ctx, struct arena *arena,
                                     const struct audit_options *options, int64_t wait_s,
                                     struct audit_report *ret_report)
{
    int64_t until_us = clock_monotonic_us() + wait_s * 1000000;
    for (;;) {
        begin_call(ctx, arena, AUDIT_TIMEOUT_MS);
        TRY(audit_run(ctx, options, ret_report));
        if (ret_report->violations == 0 || clock_monotonic_us() >= until_us)
            return ST_OK;
        nanosleep(&(struct timespec){.tv_nsec = AUDIT_PAUSE_MS * 1000000L}, NULL);
    }
}

static int run_audit(const struct audit_config *config, const struct audit_words *words)
{
    void *block = malloc(AUDIT_ARENA_SIZE);
    if (!block)
        return EXIT_NOT_DONE;
    struct arena arena;
    arena_init(&arena, block, AUDIT_ARENA_SIZE);

    struct audit_options options = {
        .urls = {[AUDIT_QUEUE] = config->queue_url,
                 [AUDIT_CONCERT] = config->concert_url,
                 [AUDIT_RESERVATION] = config->reservation_url,
                 [AUDIT_WALLET] = config->wallet_url,
                 [AUDIT_PAYMENT] = config->payment_url},
        .session = AUDIT_PAYMENT,
        .balance_won_max = config->balance_won_max,
    };
    struct ctx ctx;
    struct audit_report report;
    int code;
    enum status status = audit_until_quiet(&ctx, &arena, &options, words->wait_s, &report);
    if (status != ST_OK) {
        code = report_failure(&ctx, "audit", status);
    } else {
        if (words->json)
            report_print_json(&report, stdout);
        else
            report_print(&report, stdout);
        code = report.violations == 0 ? EXIT_DONE : EXIT_NOT_DONE;
    }
    free(block);
    return code;
}

int command_audit(int argc, char **argv)
{
    struct audit_words words;
    if (!read_audit_words(argc, argv, &words))
        return EXIT_USAGE;

    struct audit_config config = {0};
    int code = EXIT_USAGE;
    if (config_load(audit_settings, audit_setting_count, &config, stderr) == ST_OK)
        code = run_audit(&config, &words);
    config_done(audit_settings, audit_setting_count, &config);
    return code;
}
