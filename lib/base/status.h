/* The one error idiom: every fallible function returns an enum status; all rows are in status.def.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <stdbool.h>

#include "base/macros.h"

enum status {
#define STATUS(name, grpc, http, retry, en, ko) ST_##name,
#include "base/status.def"
#undef STATUS
    ST_COUNT
};

/* Canonical RPC codes, numbered as in https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
 */
enum status_rpc_code {
    RPC_CODE_OK = 0,
    RPC_CODE_CANCELLED = 1,
    RPC_CODE_UNKNOWN = 2,
    RPC_CODE_INVALID_ARGUMENT = 3,
    RPC_CODE_DEADLINE_EXCEEDED = 4,
    RPC_CODE_NOT_FOUND = 5,
    RPC_CODE_ALREADY_EXISTS = 6,
    RPC_CODE_PERMISSION_DENIED = 7,
    RPC_CODE_RESOURCE_EXHAUSTED = 8,
    RPC_CODE_FAILED_PRECONDITION = 9,
    RPC_CODE_ABORTED = 10,
    RPC_CODE_OUT_OF_RANGE = 11,
    RPC_CODE_UNIMPLEMENTED = 12,
    RPC_CODE_INTERNAL = 13,
    RPC_CODE_UNAVAILABLE = 14,
    RPC_CODE_DATA_LOSS = 15,
    RPC_CODE_UNAUTHENTICATED = 16,
};

enum status_language { LANGUAGE_EN, LANGUAGE_KO };

/* Upper-case name without prefix, e.g. "SEAT_HELD"; static storage. */
const char *status_name(enum status status);
enum status_rpc_code status_rpc_code(enum status status);
int status_http_code(enum status status);
bool status_is_retryable(enum status status);
/* A sentence for users; static storage, UTF-8. */
const char *status_text(enum status status, enum status_language language);

/* The status of that name; false and unchanged when there is none. */
bool status_from_name(const char *name, enum status *ret_status);
/* The status that stands for a bare RPC code (a peer that sent no ErrorInfo). */
enum status status_from_rpc_code(int code);

#endif
