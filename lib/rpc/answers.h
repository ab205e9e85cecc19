/* Callers that wait for an answer. One of them reads the sockets for all; when its own answer has
 * come, another takes over. */
#ifndef RPC_ANSWERS_H
#define RPC_ANSWERS_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* One of them; its address is the tag of its batch. Zeroed before the batch starts. */
struct rpc_waiter {
    int told;    /* futex: written by whoever reads, under the lock */
    bool sleeps; /* is in the list */
    struct rpc_waiter *next, *previous;
};

struct rpc_answers {
    grpc_completion_queue *queue;
    pthread_mutex_t lock;
    struct rpc_waiter *sleeping; /* the last to come first */
    _Atomic bool are_read;       /* written under the lock */
};

void rpc_answers_init(struct rpc_answers *answers);
/* Nobody waits any more. */
void rpc_answers_done(struct rpc_answers *answers);
/* Returns when the waiter's event has come. */
void rpc_answers_wait(struct rpc_answers *answers, struct rpc_waiter *waiter);

#endif
