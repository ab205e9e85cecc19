/* The handlers of boxoffice.wallet.v1.WalletService. */
#ifndef WALLET_SERVICE_H
#define WALLET_SERVICE_H

#include "rpc/method.h"
#include "wallet.h"

struct db;

struct wallet_service {
    struct db *db; /* borrowed */
    struct wallet_limits limits;
};

/* What rpc_server_start wants; `service` is borrowed as its self. */
struct rpc_service wallet_rpc_service(struct wallet_service *service);

#endif
