#include "http_fixture.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000, STEP_MS = 2 };

struct http_server *fixture_start(struct http_server_options options)
{
    struct http_server *server = NULL;
    options.listen = "127.0.0.1:0";
    options.server_name = "test";
    ck_assert_int_eq(http_server_start(&options, &server), ST_OK);
    return server;
}

int fixture_connect(const struct http_server *server)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)http_server_port(server)),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

bool fixture_send(int fd, const char *text, size_t size)
{
    while (size > 0) {
        const ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        text += sent;
        size -= (size_t)sent;
    }
    return true;
}

bool fixture_say(int fd, const char *format, ...)
{
    char text[32768];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ck_assert_int_lt(size, (int)sizeof text);
    return fixture_send(fd, text, (size_t)size);
}

/* Some bytes, 0 when the peer closed (or reset). */
static size_t receive(int fd, char *text, size_t size)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    ck_assert_msg(poll(&readable, 1, PATIENCE_MS) == 1, "the server said nothing");
    const ssize_t got = recv(fd, text, size, 0);
    return got <= 0 ? 0 : (size_t)got;
}

bool fixture_read_until(int fd, char *text, size_t size, size_t *used, const char *needle)
{
    text[*used] = '\0';
    while (strstr(text, needle) == NULL) {
        ck_assert_uint_lt(*used, size - 1);
        const size_t got = receive(fd, text + *used, size - 1 - *used);
        if (got == 0)
            return false;
        *used += got;
        text[*used] = '\0';
    }
    return true;
}

bool fixture_is_closed(int fd)
{
    char rest[4096];
    while (receive(fd, rest, sizeof rest) > 0)
        ;
    return true;
}

bool fixture_answer(int fd, bool is_head, struct answer *ret_answer)
{
    size_t used = 0;
    memset(ret_answer, 0, sizeof *ret_answer);
    /* Byte by byte, so that nothing of the body is taken with the head. */
    while (strstr(ret_answer->head, "\r\n\r\n") == NULL) {
        ck_assert_uint_lt(used, sizeof ret_answer->head - 1);
        if (receive(fd, ret_answer->head + used, 1) == 0)
            return false;
        used++;
    }
    ret_answer->code = (int)strtol(ret_answer->head + strlen("HTTP/1.1 "), NULL, 10);
    const char *length = strcasestr(ret_answer->head, "\r\nContent-Length: ");
    const size_t size = length == NULL ? 0 : strtoul(length + 18, NULL, 10);
    ck_assert_uint_lt(size, sizeof ret_answer->body);
    while (!is_head && ret_answer->body_size < size) {
        const size_t got =
            receive(fd, ret_answer->body + ret_answer->body_size, size - ret_answer->body_size);
        if (got == 0)
            return false;
        ret_answer->body_size += got;
    }
    return true;
}

void fixture_ask(const struct http_server *server, const char *request, struct answer *ret_answer)
{
    const int fd = fixture_connect(server);
    ck_assert(fixture_send(fd, request, strlen(request)));
    ck_assert(fixture_answer(fd, strncmp(request, "HEAD ", 5) == 0, ret_answer));
    close(fd);
}

void fixture_get(const struct http_server *server, const char *path, struct answer *ret_answer)
{
    char request[4096];
    const int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    ck_assert_int_lt(size, (int)sizeof request);
    fixture_ask(server, request, ret_answer);
}

bool answer_has(const struct answer *answer, const char *line)
{
    char whole[512];
    snprintf(whole, sizeof whole, "\r\n%s\r\n", line);
    return strcasestr(answer->head, whole) != NULL;
}

bool answer_says(const struct answer *answer, const char *code)
{
    char member[128];
    snprintf(member, sizeof member, "\"code\":\"%s\"", code);
    return strstr(answer->body, member) != NULL;
}

void fixture_wait_for(const _Atomic int *flag, int value)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    for (int i = 0; atomic_load(flag) < value; i++) {
        ck_assert_msg(i < PATIENCE_MS / STEP_MS, "it never came");
        nanosleep(&step, NULL);
    }
}

int fixture_run(const char *name, TCase *tcase)
{
    Suite *suite = suite_create(name);
    tcase_set_timeout(tcase, 30);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
