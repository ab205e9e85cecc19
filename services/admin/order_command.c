#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "config.h"
#include "order.h"
#include "session.h"

enum { ORDER_ARENA_SIZE = 4 * 1024 * 1024, ORDER_TIMEOUT_MS = 300000 };

static void print_report(const char *queue, const struct order_report *report)
{
    printf("queue %s: %" PRId64 " admitted, %" PRId64 " in turn and %" PRId64
           " returned late; %" PRId64 " skipped as absent, %" PRId64
           " of them never came back; %" PRId64 " inversions\n",
           queue, report->admitted, report->in_turn, report->returned, report->skipped,
           report->skipped_lapsed, report->inversions);
}

int command_verify_order(int argc, char **argv)
{
    bool is_brief = argc == 2 && strcmp(argv[1], "--brief") == 0;
    if (argc != 1 && !is_brief)
        return EXIT_USAGE;

    struct order_config config = {0};
    void *block = malloc(ORDER_ARENA_SIZE);
    int code = EXIT_USAGE;
    if (block && config_load(order_settings, order_setting_count, &config, stderr) == ST_OK) {
        struct arena arena;
        struct ctx ctx;
        struct order_report report;
        arena_init(&arena, block, ORDER_ARENA_SIZE);
        ctx_init(&ctx, &arena);
        ctx_set_timeout_ms(&ctx, ORDER_TIMEOUT_MS);
        enum status status =
            order_verify(&ctx, config.queue_url, argv[0], is_brief ? NULL : stdout, &report);
        if (status == ST_OK)
            print_report(argv[0], &report);
        code = status != ST_OK ? session_report(&ctx, argv[0], status)
                               : (report.inversions == 0 ? EXIT_DONE : EXIT_NOT_DONE);
    }
    free(block);
    config_done(order_settings, order_setting_count, &config);
    return code;
}
