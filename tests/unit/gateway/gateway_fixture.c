#include "gateway_fixture.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge.h"
#include "log/log.h"
#include "service.h"

enum { ANSWER_MAX = 256 * 1024 };

static struct gateway gateway;
static struct token_key *key, *other_key;
static struct http_server *server;
static char token[TOKEN_TEXT_MAX], forged[TOKEN_TEXT_MAX];

static void sign(const struct token_key *with, char to[static TOKEN_TEXT_MAX])
{
    unsigned char block[8192];
    struct arena arena;
    struct ctx ctx;
    const char *text;
    struct token_claims claims = {.user_id = {FIXTURE_USER},
                                  .token_id = {"00000000-0000-4000-8000-0000000000bb"},
                                  .queue = "main",
                                  .sequence = 1,
                                  .issued_at_unix_ms = 1900000000000};
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
    ck_assert_int_eq(token_sign(&ctx, with, &claims, &text), ST_OK);
    snprintf(to, TOKEN_TEXT_MAX, "%s", text);
}

void fixture_start(long user_rate, long address_rate)
{
    log_init("test", LOG_ERROR);
    ck_assert_int_eq(token_key_new("a secret of at least thirty-two bytes", &key), ST_OK);
    ck_assert_int_eq(token_key_new("another secret of thirty-two bytes!!", &other_key), ST_OK);
    sign(key, token);
    sign(other_key, forged);
    gateway = (struct gateway){.user_limiter = limiter_new(user_rate),
                               .address_limiter = limiter_new(address_rate)};
    gateway.ops_limiter = limiter_new(0);
    gateway.admission = admission_new(&gateway.peers, key);
    ck_assert_int_eq(
        http_server_start(&(struct http_server_options){.listen = "127.0.0.1:0",
                                                        .routes = gateway_routes,
                                                        .route_count = gateway_route_count,
                                                        .self = &gateway,
                                                        .server_name = "gateway",
                                                        .headers = gateway_headers,
                                                        .header_count = gateway_header_count,
                                                        .on_answer = edge_on_answer,
                                                        .workers = 4},
                          &server),
        ST_OK);
}

void fixture_stop(void)
{
    http_server_stop(&server, 0, 1000);
    admission_free(&gateway.admission);
    limiter_free(&gateway.user_limiter);
    limiter_free(&gateway.address_limiter);
    limiter_free(&gateway.ops_limiter);
    token_key_free(&key);
    token_key_free(&other_key);
}

void fixture_open_ops(const char *secret, const char *audit_file, long rate)
{
    gateway.ops_secret = secret;
    gateway.audit_file = audit_file;
    limiter_free(&gateway.ops_limiter);
    gateway.ops_limiter = limiter_new(rate);
}

void fixture_require_identity(struct identity *identity)
{
    gateway.identity = identity;
}

void fixture_allow_origins(const char *origins)
{
    gateway.cors_origins = origins;
}

void fixture_serve(const struct web_files *files)
{
    gateway.web_files = files;
}

const char *fixture_token(void)
{
    return token;
}

const char *fixture_forged_token(void)
{
    return forged;
}

static void send_all(int socket, const char *text)
{
    for (size_t size = strlen(text); size > 0;) {
        const ssize_t sent = send(socket, text, size, MSG_NOSIGNAL);
        ck_assert_int_gt(sent, 0);
        text += sent;
        size -= (size_t)sent;
    }
}

struct answer fixture_ask(const char *method, const char *path, const char *headers,
                          const char *body)
{
    static char text[ANSWER_MAX];
    char request[8192];
    const int peer = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)http_server_port(server))};
    ck_assert_int_eq(connect(peer, (struct sockaddr *)&address, sizeof address), 0);
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s",
             method, path, headers);
    send_all(peer, request);
    if (body != NULL) {
        snprintf(request, sizeof request, "Content-Length: %zu\r\n", strlen(body));
        send_all(peer, request);
    }
    send_all(peer, "\r\n");
    if (body != NULL)
        send_all(peer, body);

    size_t size = 0;
    for (ssize_t got = 1; got > 0 && size < sizeof text - 1; size += (size_t)got) {
        got = recv(peer, text + size, sizeof text - 1 - size, 0);
        ck_assert_int_ge(got, 0);
    }
    close(peer);
    text[size] = '\0';

    struct answer answer = {0};
    ck_assert_msg(sscanf(text, "HTTP/1.1 %d", &answer.code) == 1, "%s", text);
    char *end = strstr(text, "\r\n\r\n");
    ck_assert_ptr_nonnull(end);
    snprintf(answer.headers, sizeof answer.headers, "%.*s\r\n", (int)(end - text), text);
    answer.json = json_loads(end + 4, 0, NULL);
    return answer;
}

void answer_done(struct answer *answer)
{
    json_decref(answer->json);
    answer->json = NULL;
}

const char *answer_header(const struct answer *answer, const char *name)
{
    static char value[512];
    for (const char *line = strchr(answer->headers, '\n'); line != NULL;
         line = strchr(line, '\n')) {
        line++;
        const size_t length = strlen(name);
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            line += length + 1 + strspn(line + length + 1, " ");
            snprintf(value, sizeof value, "%.*s", (int)strcspn(line, "\r\n"), line);
            return value;
        }
    }
    return NULL;
}

const char *answer_text(const struct answer *answer, const char *name)
{
    const char *text = json_string_value(json_object_get(answer->json, name));
    return text == NULL ? "" : text;
}
