/* A client that sends what no client of ours would: any bytes, any metadata, to any method. */
#ifndef TESTS_INTEGRATION_RPC_RAW_CLIENT_H
#define TESTS_INTEGRATION_RPC_RAW_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct raw_request {
    const char *path;
    const void *bytes; /* the message as it is; NULL with size 0: an empty one */
    size_t size;
    const char *key, *value; /* metadata, or NULL */
    int64_t timeout_ms;      /* 0: no deadline */
};

struct raw_answer {
    enum status_rpc_code code;
    size_t size; /* of the response's message */
};

struct raw_client;
struct raw_client *raw_client_new(int port);
void raw_client_free(struct raw_client **client);
/* One call, from any thread. */
struct raw_answer raw_call(struct raw_client *client, const struct raw_request *request);

/* A call that says something and then neither more nor farewell. Once it has an answer. */
struct raw_talk;
struct raw_talk *raw_begin(struct raw_client *client, const struct raw_request *request,
                           size_t *ret_answer_size);
/* Waits until the server ends it. */
enum status_rpc_code raw_end(struct raw_talk **talk);

#endif
