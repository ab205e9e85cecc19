/* The handlers of boxoffice.concert.v1.ConcertService. */
#ifndef CONCERT_SERVICE_H
#define CONCERT_SERVICE_H

#include "rpc/method.h"

struct db;
struct moments;

struct concert_service {
    struct db *db;           /* borrowed */
    struct moments *moments; /* borrowed */
};

/* What rpc_server_start wants; `service` is borrowed as its self. */
struct rpc_service concert_rpc_service(struct concert_service *service);

#endif
