/* The handlers of boxoffice.payment.v1.PaymentService. */
#ifndef PAYMENT_SERVICE_H
#define PAYMENT_SERVICE_H

#include "drive.h"
#include "rpc/method.h"

struct db;

struct payment_service {
    struct db *db; /* borrowed */
    struct payment_driver driver;
};

/* What rpc_server_start wants; `service` is borrowed as its self. */
struct rpc_service payment_rpc_service(struct payment_service *service);

#endif
