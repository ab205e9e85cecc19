/* Joins and holds through HTTP, 64 keep-alive connections of blocking sockets.
 *   bench_http <port> <concert id> <first date> join|hold <seconds>   prints requests a second, and
 * how many in all The hold's users join first; each holds one seat a date, on 60 dates. */
#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "load.h"

enum { CONNECTIONS = 64, ANSWER_MAX = 16384, REQUEST_MAX = 4096, DATES = 60, SEATS = 5000 };

struct plan {
    int port;
    const char *concert_id;
    int64_t first_day_ms;
    bool holds;
};

struct connection {
    int fd;
    char token[1024];
    uint64_t holds; /* of the present user */
};

static void *connect_one(void *self, size_t thread)
{
    const struct plan *plan = self;
    struct connection *connection = calloc(1, sizeof *connection);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)plan->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)thread;
    if (connection == NULL)
        abort();
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0)
        abort();
    return connection;
}

/* One whole answer: head, then as much as Content-Length says. The status code, 0 when it broke. */
static int read_answer(int fd, char *answer, const char **ret_body)
{
    size_t size = 0, wanted = ANSWER_MAX;
    char *body = NULL;
    while (body == NULL || size < wanted) {
        const ssize_t got = read(fd, answer + size, ANSWER_MAX - 1 - size);
        if (got <= 0)
            return 0;
        size += (size_t)got;
        answer[size] = '\0';
        body = body != NULL ? body : strstr(answer, "\r\n\r\n");
        const char *length = strcasestr(answer, "Content-Length:");
        if (body != NULL && length != NULL)
            wanted = (size_t)(body + 4 - answer) + strtoul(length + 15, NULL, 10);
    }
    *ret_body = body + 4;
    return (int)strtol(answer + 9, NULL, 10);
}

static int ask(struct connection *connection, const char *path, const char *json, char *answer,
               const char **ret_body)
{
    char request[REQUEST_MAX];
    const int size =
        snprintf(request, sizeof request,
                 "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                 "Authorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n%s",
                 path, connection->token, strlen(json), json);
    if (write(connection->fd, request, (size_t)size) != size)
        return 0;
    return read_answer(connection->fd, answer, ret_body);
}

static bool join(struct connection *connection)
{
    char json[128], answer[ANSWER_MAX];
    const char *body;
    struct uuid user_id;
    uuid_v4(&user_id);
    snprintf(json, sizeof json, "{\"user_id\":\"%s\"}", user_id.text);
    const int code = ask(connection, "/v1/queue/tokens", json, answer, &body);
    json_t *place = code == 201 ? json_loads(body, 0, NULL) : NULL;
    const char *token = json_string_value(json_object_get(place, "token"));
    if (token != NULL)
        snprintf(connection->token, sizeof connection->token, "%s", token);
    json_decref(place);
    return code == 201;
}

static bool run(void *self, void *state, uint64_t round)
{
    const struct plan *plan = self;
    struct connection *connection = state;
    (void)round;
    if (!plan->holds)
        return join(connection);
    if (connection->holds % DATES == 0 && !join(connection))
        return false;
    char json[256], answer[ANSWER_MAX], date[CLOCK_DATE_SIZE];
    const char *body;
    clock_format_date(plan->first_day_ms + (int64_t)(connection->holds++ % DATES) * 86400000, date);
    snprintf(json, sizeof json, "{\"concert_id\":\"%s\",\"date\":\"%s\",\"seat_no\":%d}",
             plan->concert_id, date, 1 + (int)load_random(SEATS));
    const int code = ask(connection, "/v1/reservations", json, answer, &body);
    if (code != 201 && code != 409)
        fprintf(stderr, "%d %s\n", code, code == 0 ? "" : body);
    return code == 201 || code == 409;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: %s <port> <concert id> <first date> join|hold <seconds>\n",
                argv[0]);
        return 2;
    }
    struct plan plan = {.port = (int)strtol(argv[1], NULL, 10),
                        .concert_id = argv[2],
                        .first_day_ms = clock_date_to_wall_ms(argv[3]),
                        .holds = strcmp(argv[4], "hold") == 0};
    struct load_result result;
    load_run(&(struct load){.threads = CONNECTIONS,
                            .seconds = strtod(argv[5], NULL),
                            .make = connect_one,
                            .run = run,
                            .self = &plan},
             &result);
    load_print(&result);
    if (result.failed > 0)
        fprintf(stderr, "%llu failed\n", (unsigned long long)result.failed);
    return result.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
