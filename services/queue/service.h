/* The handlers of boxoffice.queue.v1.QueueService. */
#ifndef QUEUE_SERVICE_H
#define QUEUE_SERVICE_H

#include "rpc/method.h"

struct queue_store;
struct token_key;
struct watch_list;

struct queue_service {
    struct queue_store *store;   /* borrowed */
    const struct token_key *key; /* borrowed */
    struct watch_list *watches;  /* borrowed */
};

/* What rpc_server_start wants; `service` is borrowed as its self. */
struct rpc_service queue_rpc_service(struct queue_service *service);

#endif
