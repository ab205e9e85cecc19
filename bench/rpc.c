/* One unary echo, 64 in flight, client and server a process each: lib/rpc against the bare C core.
 *   bench_rpc serve lib|core              prints the port, serves until it is ended
 *   bench_rpc load lib|core|blocking <port> <s>    prints calls a second, and how many in all */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_echo.pb-c.h"
#include "load.h"
#include "log/log.h"
#include "rpc/client.h"
#include "rpc/server.h"
#include "rpc_core.h"

enum { IN_FLIGHT = 64, ARENA_SIZE = 64 * 1024 };

extern const unsigned char bench_echo_descriptors[];
extern const size_t bench_echo_descriptors_size;

static enum status echo(struct ctx *ctx, void *self, const void *in, void *out)
{
    const Bench__Echo *request = in;
    Bench__Echo *response = out;
    (void)ctx;
    (void)self;
    response->text = request->text;
    response->number = request->number;
    return ST_OK;
}

static const struct rpc_method methods[] = {{.name = "Echo",
                                             .input = &bench__echo__descriptor,
                                             .output = &bench__echo__descriptor,
                                             .handle = echo}};

static int serve_lib(void)
{
    const struct rpc_service service = {.name = "bench.EchoService",
                                        .methods = methods,
                                        .method_count = 1,
                                        .descriptors = bench_echo_descriptors,
                                        .descriptors_size = bench_echo_descriptors_size};
    struct rpc_server *server = NULL;
    log_init("bench", LOG_WARN); /* the core has no log to compare with */
    if (rpc_server_start(&(struct rpc_server_options){.listen = "127.0.0.1:0",
                                                      .services = &service,
                                                      .service_count = 1},
                         &server) != ST_OK)
        return EXIT_FAILURE;
    printf("%d\n", rpc_server_port(server));
    fflush(stdout);
    for (;;)
        pause();
}

static void *make(void *self, size_t thread)
{
    (void)self;
    (void)thread;
    return malloc(ARENA_SIZE);
}

static bool call(void *self, void *state, uint64_t round)
{
    static const struct rpc_call_type type = {"/bench.EchoService/Echo", &bench__echo__descriptor};
    char text[] = "00000000-0000-7000-8000-0000000000000000000000000000000000";
    struct arena arena;
    struct ctx ctx;
    arena_init(&arena, state, ARENA_SIZE);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, 10000);
    Bench__Echo request = BENCH__ECHO__INIT;
    request.text = text;
    request.number = (int64_t)round + 1;
    Bench__Echo *response = NULL;
    return rpc_call(&ctx, self, &type, &request.base, &response) == ST_OK &&
           response->number == request.number;
}

static int load_lib(const char *port, double seconds)
{
    char target[64];
    struct rpc_client *client = NULL;
    struct load_result result;
    snprintf(target, sizeof target, "127.0.0.1:%s", port);
    if (rpc_client_new(&(struct rpc_client_options){.target = target}, &client) != ST_OK)
        return EXIT_FAILURE;
    load_run(
        &(struct load){
            .threads = IN_FLIGHT, .seconds = seconds, .make = make, .run = call, .self = client},
        &result);
    rpc_client_free(&client);
    load_print(&result);
    return result.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    const bool serves = argc == 3 && strcmp(argv[1], "serve") == 0;
    const bool loads = argc == 5 && strcmp(argv[1], "load") == 0;
    if (!serves && !loads) {
        fprintf(stderr, "usage: %s serve lib|core | load lib|core|blocking <port> <seconds>\n",
                argv[0]);
        return 2;
    }
    const bool lib = strcmp(argv[2], "lib") == 0;
    if (serves && lib)
        return serve_lib();
    if (serves)
        core_serve();
    const double seconds = strtod(argv[4], NULL);
    if (lib)
        return load_lib(argv[3], seconds);
    struct load_result result;
    const int port = (int)strtol(argv[3], NULL, 10);
    if (strcmp(argv[2], "core") == 0)
        core_load(port, IN_FLIGHT, seconds, &result);
    else
        core_load_blocking(port, IN_FLIGHT, seconds, &result);
    load_print(&result);
    return EXIT_SUCCESS;
}
