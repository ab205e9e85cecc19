#include "commands.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit.h"
#include "base/checked.h"
#include "base/clock.h"
#include "config.h"
#include "peers.h"
#include "policy.h"
#include "report.h"
#include "session.h"

enum {
    AUDIT_TIMEOUT_MS = 300000,
    AUDIT_WAIT_S_DEFAULT = 10,
    AUDIT_WAIT_S_MAX = 3600,
    AUDIT_PAUSE_MS = 500,
};

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
    session_begin_call(&ctx, &session.arena, SESSION_CALL_MS);
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
    int code = status == ST_OK ? EXIT_DONE : session_report(&ctx, argv[0], status);
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
        session_begin_call(ctx, arena, AUDIT_TIMEOUT_MS);
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
        code = session_report(&ctx, "audit", status);
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
