/* The services behind the gateway, as functions: each makes one call; answers live in the ctx's
 * arena. */
#ifndef GATEWAY_PEERS_H
#define GATEWAY_PEERS_H

#include <protobuf-c/protobuf-c.h>

#include "base/ctx.h"

struct rpc_client;

struct gateway_peers {
    struct rpc_client *queue, *concert, *reservation, *wallet, *payment;
};

enum gateway_call {
    CALL_ISSUE_TOKEN,
    CALL_GET_TOKEN,
    CALL_VERIFY_TOKENS,
    CALL_EXPIRE_TOKEN,
    CALL_GET_QUEUE,
    CALL_SET_POLICY,
    CALL_LIST_CONCERTS,
    CALL_LIST_DATES,
    CALL_LIST_SEATS,
    CALL_GET_SEAT,
    CALL_RESERVE,
    CALL_GET_RESERVATION,
    CALL_LIST_RESERVATIONS,
    CALL_CANCEL,
    CALL_CHARGE,
    CALL_GET_BALANCE,
    CALL_LIST_TRANSACTIONS,
    CALL_PAY,
    CALL_GET_PAYMENT,
    CALL_LIST_PAYMENTS,
    CALL_COUNT_PAYMENTS,
};

/* Makes the call; *ret_response, any message pointer, is the method's response. */
enum status gateway_call(struct ctx *ctx, const struct gateway_peers *peers, enum gateway_call call,
                         const ProtobufCMessage *request, void *ret_response) MUST_CHECK;

#endif
