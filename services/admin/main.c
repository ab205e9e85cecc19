#include <stdio.h>
#include <string.h>

#include "app/settings.h"
#include "base/macros.h"
#include "commands.h"
#include "config.h"
#include "log/log.h"

static const struct {
    const char *name;
    const char *words;
    const char *help;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"seed-demo", "", "makes the demo catalog: safe to repeat, adds what is missing",
     command_seed_demo},
    {"import", "<season.json>|-",
     "adds concerts and their dates: all of it is judged before any is written, and everything "
     "that "
     "is wrong told at once; safe to repeat",
     command_import},
    {"create-concert", "<concert id> <title> [artist=|venue=|queue=<text>...]",
     "adds a concert; safe to repeat", command_create_concert},
    {"add-date",
     "<concert id> <date> starts_at=<time> sale_opens_at=<time> [sale_closes_at=<time>] "
     "[seats_total=<number>] tier=<first>-<last>:<won>...",
     "adds a date; times like 2027-01-31T10:30:00Z; safe to repeat", command_add_date},
    {"audit", "[--json] [--wait <seconds>] | --serve",
     "counts the violations of every invariant, looking again for up to 10 s until there are none; "
     "exit code 1 when there are; --serve: looks for good, and shows the counts as metrics",
     command_audit},
    {"verify-order", "<queue> [--brief]",
     "reads a queue's admission log: who was let in and who was skipped, in their order, and how "
     "many inversions there are; exit code 1 when there are any",
     command_verify_order},
    {"queue", "<queue>", "shows a queue's policy and figures", command_queue},
    {"policy", "<queue> [counter|gate|both] [pause|resume] [<member>=<number>...]",
     "changes how a queue admits, while it runs", command_policy},
};

static void print_settings(FILE *out, const char *owner, const struct config_setting *settings,
                           size_t count)
{
    fprintf(out, "\nSettings of %s, from the environment:\n", owner);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "  %s (%s)\n      %s\n", settings[i].name,
                settings[i].fallback ? settings[i].fallback : "required", settings[i].help);
}

static void print_help(FILE *out)
{
    fputs("boxoffice-admin <command> ...\n\n", out);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(out, "  %s %s\n      %s\n", commands[i].name, commands[i].words, commands[i].help);
    print_settings(out, "audit", audit_settings, audit_setting_count);
    print_settings(out, "the catalog's commands", concert_peer_settings, peer_setting_count);
    print_settings(out, "verify-order", order_settings, order_setting_count);
    print_settings(out, "queue and policy", queue_peer_settings, peer_setting_count);
    print_settings(out, "every command that calls a service", app_setting_table, app_setting_count);
}

int main(int argc, char **argv)
{
    log_init("admin", LOG_ERROR);
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        print_help(stdout);
        return EXIT_DONE;
    }
    for (size_t i = 0; argc >= 2 && i < ARRAY_LEN(commands); i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        int code = commands[i].run(argc - 2, argv + 2);
        if (code == EXIT_USAGE)
            fprintf(stderr, "usage: boxoffice-admin %s %s\n", commands[i].name, commands[i].words);
        return code;
    }
    print_help(stderr);
    return EXIT_USAGE;
}
