/* relay <target port> [port]: the relay as a program. It prints its port, then does what lines on
 * its standard input say and answers each with "ok" (or a number), until the input ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/relay.h"

static const struct {
    const char *word;
    enum relay_way way;
} ways[] = {
    {"pass", RELAY_PASS},
    {"freeze", RELAY_FREEZE},
    {"drop-replies", RELAY_DROP_REPLIES},
    {"drop-requests", RELAY_DROP_REQUESTS},
    {"trickle", RELAY_TRICKLE},
    {"refuse", RELAY_REFUSE},
};

static void obey(struct support_relay *relay, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (strcmp(line, ways[i].word) == 0) {
            support_relay_set(relay, ways[i].way);
            puts("ok");
            return;
        }
    }
    if (strcmp(line, "cut") == 0) {
        support_relay_cut(relay);
        puts("ok");
    } else if (strcmp(line, "connections") == 0) {
        printf("%d\n", support_relay_connections(relay));
    } else if (strncmp(line, "delay ", 6) == 0) {
        support_relay_delay(relay, (int)strtol(line + 6, NULL, 10));
        puts("ok");
    } else {
        puts("?");
    }
}

int main(int argc, char **argv)
{
    char line[64];
    if (argc < 2)
        return EXIT_FAILURE;
    const int port = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
    struct support_relay *relay = support_relay_start(port, (int)strtol(argv[1], NULL, 10));
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("%d\n", support_relay_port(relay));
    while (fgets(line, sizeof line, stdin) != NULL)
        obey(relay, line);
    support_relay_stop(&relay);
    return EXIT_SUCCESS;
}
