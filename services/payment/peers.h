/* What payment asks of other services, one function a step of the saga. Each is idempotent by the
 * payment's own ids, so asking again after an unknown outcome is always right. All of
 * rpc/client.h's statuses can come beside those of the peer. */
#ifndef PAYMENT_PEERS_H
#define PAYMENT_PEERS_H

#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "payment.h"

struct rpc_client;

struct payment_peers {
    struct rpc_client *reservation; /* all borrowed */
    struct rpc_client *wallet;
    struct rpc_client *queue;
};

/* HELD -> PAYING for lease_ms; says what is paid for. */
enum status peer_claim_seat(struct ctx *ctx, const struct payment_peers *peers,
                            const struct payment *payment, int64_t lease_ms,
                            struct payment_claim *ret_claim) MUST_CHECK;
/* PAYING -> CONFIRMED. */
enum status peer_confirm_seat(struct ctx *ctx, const struct payment_peers *peers,
                              const struct payment *payment) MUST_CHECK;
/* PAYING -> HELD or EXPIRED. */
enum status peer_release_seat(struct ctx *ctx, const struct payment_peers *peers,
                              const struct payment *payment) MUST_CHECK;
enum status peer_debit_wallet(struct ctx *ctx, const struct payment_peers *peers,
                              const struct payment *payment, int64_t *ret_balance_won) MUST_CHECK;
enum status peer_refund_wallet(struct ctx *ctx, const struct payment_peers *peers,
                               const struct payment *payment) MUST_CHECK;
enum status peer_expire_token(struct ctx *ctx, const struct payment_peers *peers,
                              const struct payment *payment) MUST_CHECK;

#endif
