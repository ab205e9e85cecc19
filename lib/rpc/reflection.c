/* grpc.reflection v1 and v1alpha (the same bytes under two names): a client asks for services,
 * files and symbols over one stream. Answered on the poller: it only looks things up. */
#include <stdlib.h>
#include <string.h>

#include "grpc/reflection/v1/reflection.pb-c.h"
#include "rpc/descriptors.h"
#include "rpc/failure.h"
#include "rpc/internal.h"
#include "rpc/message.h"

#define NAME_V1    "grpc.reflection.v1.ServerReflection"
#define NAME_ALPHA "grpc.reflection.v1alpha.ServerReflection"

typedef Grpc__Reflection__V1__ServerReflectionRequest Request;
typedef Grpc__Reflection__V1__ServerReflectionResponse Response;
typedef Grpc__Reflection__V1__FileDescriptorResponse FileResponse;
typedef Grpc__Reflection__V1__ListServiceResponse ListResponse;
typedef Grpc__Reflection__V1__ServiceResponse ServiceResponse;
typedef Grpc__Reflection__V1__ErrorResponse ErrorResponse;

extern const unsigned char rpc_reflection_descriptors[], rpc_reflection_alpha_descriptors[];
extern const size_t rpc_reflection_descriptors_size, rpc_reflection_alpha_descriptors_size;

enum { FILES_MAX = 16, ARENA_SIZE = 64 * 1024, SETS_MAX = RPC_SERVICES_MAX + 2 };

/* One reflection stream. Each round receives a question and sends its answer. */
struct reflection {
    struct rpc_server_call *call;
    struct rpc_event received, sent, ended;
    grpc_byte_buffer *question, *answer;
    struct reflection *next, **link; /* of the server's list, under its lock */
};

bool rpc_reflection_takes(const char *path)
{
    return strcmp(path, "/" NAME_V1 "/ServerReflectionInfo") == 0 ||
           strcmp(path, "/" NAME_ALPHA "/ServerReflectionInfo") == 0;
}

static size_t collect_sets(const struct rpc_server *server, struct rpc_bytes sets[static SETS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < server->service_count; i++)
        sets[count++] = (struct rpc_bytes){server->services[i].descriptors,
                                           server->services[i].descriptors_size};
    sets[count++] = (struct rpc_bytes){rpc_reflection_descriptors, rpc_reflection_descriptors_size};
    sets[count++] =
        (struct rpc_bytes){rpc_reflection_alpha_descriptors, rpc_reflection_alpha_descriptors_size};
    return count;
}

static bool set_has(struct rpc_bytes set, const char *name, bool by_symbol)
{
    struct rpc_bytes file;
    for (size_t cursor = 0; rpc_next_file(set, &cursor, &file);) {
        if (by_symbol ? rpc_file_has_symbol(file, name) : rpc_file_has_name(file, name))
            return true;
    }
    return false;
}

/* The files of the first set that has what is asked: the file itself with all it imports. */
static size_t find_files(const struct rpc_server *server, const char *name, bool by_symbol,
                         ProtobufCBinaryData files[static FILES_MAX])
{
    struct rpc_bytes sets[SETS_MAX];
    const size_t set_count = collect_sets(server, sets);
    for (size_t i = 0; i < set_count; i++) {
        if (!set_has(sets[i], name, by_symbol))
            continue;
        size_t count = 0;
        struct rpc_bytes file;
        for (size_t cursor = 0; count < FILES_MAX && rpc_next_file(sets[i], &cursor, &file);)
            files[count++] = (ProtobufCBinaryData){file.size, (uint8_t *)(uintptr_t)file.data};
        return count;
    }
    return 0;
}

static void answer_list(const struct rpc_server *server, Response *response, ListResponse *list,
                        ServiceResponse names[static SETS_MAX],
                        ServiceResponse *items[static SETS_MAX])
{
    grpc__reflection__v1__list_service_response__init(list);
    for (size_t i = 0; i < server->service_count + 2; i++) {
        grpc__reflection__v1__service_response__init(&names[i]);
        const char *name = i < server->service_count    ? server->services[i].name
                           : i == server->service_count ? NAME_V1
                                                        : NAME_ALPHA;
        names[i].name = (char *)(uintptr_t)name;
        items[i] = &names[i];
    }
    list->service = items;
    list->n_service = server->service_count + 2;
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
    response->list_services_response = list;
}

static void answer_error(Response *response, ErrorResponse *error, enum status_rpc_code code,
                         char *text)
{
    grpc__reflection__v1__error_response__init(error);
    error->error_code = (int32_t)code;
    error->error_message = text;
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
    response->error_response = error;
}

static grpc_byte_buffer *answer(const struct rpc_server *server, Request *request)
{
    Response response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    ListResponse list;
    ServiceResponse names[SETS_MAX], *items[SETS_MAX];
    ErrorResponse error;
    FileResponse files = GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
    ProtobufCBinaryData contents[FILES_MAX];
    response.valid_host = request->host;
    response.original_request = request;

    const int asked = (int)request->message_request_case;
    const bool by_symbol =
        asked ==
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL;
    const bool by_name =
        asked == GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME;
    if (asked == GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES) {
        answer_list(server, &response, &list, names, items);
    } else if (by_symbol || by_name) {
        files.file_descriptor_proto = contents;
        files.n_file_descriptor_proto = find_files(
            server, by_symbol ? request->file_containing_symbol : request->file_by_filename,
            by_symbol, contents);
        response.message_response_case =
            GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
        response.file_descriptor_response = &files;
        if (files.n_file_descriptor_proto == 0)
            answer_error(&response, &error, RPC_CODE_NOT_FOUND, (char[]){"not found"});
        return rpc_pack(&response.base);
    } else {
        answer_error(&response, &error, RPC_CODE_UNIMPLEMENTED,
                     (char[]){"there are no extensions"});
        return rpc_pack(&response.base);
    }
    return rpc_pack(&response.base);
}

/* False when there are too many, or the server is stopping. */
static bool enlist(struct reflection *reflection)
{
    struct rpc_server *server = reflection->call->server;
    pthread_mutex_lock(&server->lock);
    const bool room =
        server->reflection_count < RPC_REFLECTIONS_MAX && !atomic_load(&server->stopping);
    if (room) {
        reflection->next = server->reflections;
        reflection->link = &server->reflections;
        if (reflection->next != NULL)
            reflection->next->link = &reflection->next;
        server->reflections = reflection;
        server->reflection_count++;
    }
    pthread_mutex_unlock(&server->lock);
    return room;
}

static void unlist(struct reflection *reflection)
{
    struct rpc_server *server = reflection->call->server;
    pthread_mutex_lock(&server->lock);
    *reflection->link = reflection->next;
    if (reflection->next != NULL)
        reflection->next->link = reflection->link;
    server->reflection_count--;
    pthread_mutex_unlock(&server->lock);
}

void rpc_reflections_finish_all(struct rpc_server *server)
{
    pthread_mutex_lock(&server->lock);
    for (struct reflection *each = server->reflections; each != NULL; each = each->next)
        grpc_call_cancel_with_status(each->call->call, GRPC_STATUS_UNAVAILABLE, "stopping", NULL);
    pthread_mutex_unlock(&server->lock);
}

static void free_reflection(struct reflection *reflection)
{
    unlist(reflection);
    grpc_byte_buffer_destroy(reflection->question);
    grpc_byte_buffer_destroy(reflection->answer);
    rpc_server_call_free(reflection->call);
    free(reflection);
}

static void on_ended(void *self, bool ok)
{
    (void)ok;
    free_reflection(self);
}

static void end(struct reflection *reflection, enum status status)
{
    struct rpc_server_call *call = reflection->call;
    call->failure_text = grpc_slice_from_static_string(status_text(status, LANGUAGE_EN));
    grpc_op ops[2] = {{.op = GRPC_OP_SEND_STATUS_FROM_SERVER},
                      {.op = GRPC_OP_RECV_CLOSE_ON_SERVER}};
    ops[0].data.send_status_from_server.status = (grpc_status_code)status_rpc_code(status);
    ops[0].data.send_status_from_server.status_details = &call->failure_text;
    ops[1].data.recv_close_on_server.cancelled = &call->cancelled;
    if (rpc_start_batch(call->call, ops, 2, &reflection->ended) != GRPC_CALL_OK)
        free_reflection(reflection);
}

static void receive(struct reflection *reflection)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
    op.data.recv_message.recv_message = &reflection->question;
    if (rpc_start_batch(reflection->call->call, &op, 1, &reflection->received) != GRPC_CALL_OK)
        free_reflection(reflection);
}

static void on_sent(void *self, bool ok)
{
    struct reflection *reflection = self;
    grpc_byte_buffer_destroy(reflection->answer);
    reflection->answer = NULL;
    if (ok)
        receive(reflection);
    else
        end(reflection, ST_CANCELLED);
}

static void on_received(void *self, bool ok)
{
    struct reflection *reflection = self;
    if (!ok || reflection->question == NULL) {
        end(reflection, ST_OK); /* the client has no more questions */
        return;
    }
    struct rpc_server *server = reflection->call->server;
    unsigned char block[ARENA_SIZE];
    struct arena arena;
    struct ctx ctx;
    ProtobufCMessage *request = NULL;
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
    const enum status status =
        rpc_unpack(&ctx, &grpc__reflection__v1__server_reflection_request__descriptor,
                   reflection->question, &request);
    grpc_byte_buffer_destroy(reflection->question);
    reflection->question = NULL;
    if (status != ST_OK) {
        end(reflection, status);
        return;
    }
    reflection->answer = answer(server, (Request *)request);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
    op.data.send_message.send_message = reflection->answer;
    if (rpc_start_batch(reflection->call->call, &op, 1, &reflection->sent) != GRPC_CALL_OK)
        free_reflection(reflection);
}

/* The greeting is sent: ask for the first question. */
static void on_greeted(void *self, bool ok)
{
    struct reflection *reflection = self;
    if (ok)
        receive(reflection);
    else
        end(reflection, ST_CANCELLED);
}

bool rpc_reflection_begin(struct rpc_server_call *call)
{
    struct reflection *reflection = calloc(1, sizeof *reflection);
    if (reflection == NULL)
        abort();
    reflection->call = call;
    if (!enlist(reflection)) {
        free(reflection);
        return false;
    }
    reflection->received = (struct rpc_event){.fire = on_received, .self = reflection};
    reflection->ended = (struct rpc_event){.fire = on_ended, .self = reflection};
    reflection->sent = (struct rpc_event){.fire = on_sent, .self = reflection};
    call->event = (struct rpc_event){.fire = on_greeted, .self = reflection};
    grpc_op op = {.op = GRPC_OP_SEND_INITIAL_METADATA};
    if (rpc_start_batch(call->call, &op, 1, &call->event) != GRPC_CALL_OK)
        free_reflection(reflection);
    return true;
}
