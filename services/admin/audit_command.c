#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/app.h"
#include "audit.h"
#include "base/checked.h"
#include "base/clock.h"
#include "commands.h"
#include "config.h"
#include "report.h"
#include "session.h"
#include "watch.h"

enum {
    AUDIT_TIMEOUT_MS = 300000,
    AUDIT_WAIT_S_DEFAULT = 10,
    AUDIT_WAIT_S_MAX = 3600,
    AUDIT_PAUSE_MS = 500,
    AUDIT_SAMPLES_SHOWN = 5,
};

struct audit_words {
    bool json;
    bool serve;
    int64_t wait_s;
};

static bool read_audit_words(int argc, char **argv, struct audit_words *ret_words)
{
    *ret_words = (struct audit_words){.wait_s = AUDIT_WAIT_S_DEFAULT};
    if (argc == 1 && strcmp(argv[0], "--serve") == 0) {
        ret_words->serve = true;
        return true;
    }
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

static struct audit_options options_of(const struct audit_config *config, size_t samples)
{
    return (struct audit_options){
        .urls = {[AUDIT_QUEUE] = config->queue_url,
                 [AUDIT_CONCERT] = config->concert_url,
                 [AUDIT_RESERVATION] = config->reservation_url,
                 [AUDIT_WALLET] = config->wallet_url,
                 [AUDIT_PAYMENT] = config->payment_url},
        .session = AUDIT_PAYMENT,
        .balance_won_max = config->balance_won_max,
        .samples = samples,
    };
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

    const struct audit_options options = options_of(config, AUDIT_SAMPLES_SHOWN);
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

/* A process as any service's: settings, log, signals, admin endpoint. */
static int serve_audit(struct audit_config *config)
{
    static char name[] = "audit";
    char *argv[] = {name, NULL};
    int code = app_start(
        &(struct app_options){
            .service = "audit",
            .settings = audit_settings,
            .setting_count = audit_setting_count,
            .config = config,
        },
        1, argv);
    if (code != APP_SERVE)
        return code;

    const struct audit_options options = options_of(config, AUDIT_SAMPLES_MAX);
    struct audit_watch *watch =
        audit_watch_start(&options, config->interval_ms, config->report_file);
    const struct http_dependency dependencies[] = {{"looks", audit_watch_check, watch}};
    code = app_serve(&(struct app_serving){
        .admin_listen = config->admin_listen,
        .dependencies = dependencies,
        .dependency_count = ARRAY_LEN(dependencies),
    });
    audit_watch_stop(&watch);
    return code;
}

int command_audit(int argc, char **argv)
{
    struct audit_words words;
    if (!read_audit_words(argc, argv, &words))
        return EXIT_USAGE;

    struct audit_config config = {0};
    int code = EXIT_USAGE;
    if (words.serve)
        code = serve_audit(&config);
    else if (config_load(audit_settings, audit_setting_count, &config, stderr) == ST_OK)
        code = run_audit(&config, &words);
    config_done(audit_settings, audit_setting_count, &config);
    return code;
}
