/* Mutual TLS between services: who we are, whom we trust, and who may call what. Free of any gRPC
 * type. */
#ifndef RPC_TLS_H
#define RPC_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/status.h"

/* Of one process: borrowed by its server and its clients, which must be gone before it is freed. */
struct rpc_tls;

struct rpc_tls_options {
    const char *ca_file;          /* PEM: the authorities whose certificates are believed */
    const char *certificate_file; /* PEM: ours and what lies between it and the authority */
    const char *key_file;         /* PEM: its private key */
    int64_t reload_s;             /* between looks at the files, 0: 10 */
};

/* Files that change are used for every connection made afterwards: connections do not live long
 * (rpc_server_options.max_connection_age_ms), so a new certificate is everywhere within a minute
 * and nothing is restarted. ST_UNAVAILABLE with a line in the log when a file cannot be read. */
enum status rpc_tls_new(const struct rpc_tls_options *options, struct rpc_tls **ret_tls) MUST_CHECK;
void rpc_tls_free(struct rpc_tls **tls);

/* Whether a list of names ("gateway payment"; "*": anybody with a certificate; NULL: nobody) holds
 * this one. */
bool rpc_names_hold(const char *names, const char *name);

#endif
