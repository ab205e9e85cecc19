/* The handlers of boxoffice.reservation.v1.ReservationService. */
#ifndef RESERVATION_SERVICE_H
#define RESERVATION_SERVICE_H

#include "rpc/method.h"

struct db;
struct claim_catalog;
struct seat_watch;

struct reservation_service {
    struct db *db;                 /* borrowed */
    struct claim_catalog *catalog; /* borrowed */
    struct seat_watch *watch;      /* borrowed */
    int64_t hold_ttl_ms;
};

/* What rpc_server_start wants; `service` is borrowed as its self. */
struct rpc_service reservation_rpc_service(struct reservation_service *service);

#endif
