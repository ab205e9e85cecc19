#include "base/status.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

struct status_row {
    const char *name;
    enum status_rpc_code rpc_code;
    int http_code;
    bool retryable;
    const char *text[2];
};

static const struct status_row rows[ST_COUNT] = {
#define STATUS(name, grpc, http, retry, en, ko)                                                    \
    [ST_##name] = {#name, RPC_CODE_##grpc, http, retry, {en, ko}},
#include "base/status.def"
#undef STATUS
};

static const struct status_row *row_of(enum status status)
{
    assert((unsigned)status < ST_COUNT);
    return &rows[status];
}

const char *status_name(enum status status)
{
    return row_of(status)->name;
}

enum status_rpc_code status_rpc_code(enum status status)
{
    return row_of(status)->rpc_code;
}

int status_http_code(enum status status)
{
    return row_of(status)->http_code;
}

bool status_is_retryable(enum status status)
{
    return row_of(status)->retryable;
}

const char *status_text(enum status status, enum status_language language)
{
    return row_of(status)->text[language == LANGUAGE_KO ? 1 : 0];
}

bool status_from_name(const char *name, enum status *ret_status)
{
    for (size_t i = 0; i < ST_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *ret_status = (enum status)i;
            return true;
        }
    }
    return false;
}

enum status status_from_rpc_code(int code)
{
    switch (code) {
    case RPC_CODE_OK:
        return ST_OK;
    case RPC_CODE_CANCELLED:
        return ST_CANCELLED;
    case RPC_CODE_INVALID_ARGUMENT:
    case RPC_CODE_OUT_OF_RANGE:
        return ST_INVALID_REQUEST;
    case RPC_CODE_DEADLINE_EXCEEDED:
        return ST_TIMEOUT;
    case RPC_CODE_RESOURCE_EXHAUSTED:
        return ST_OVERLOADED;
    case RPC_CODE_ABORTED:
        return ST_CONFLICT;
    case RPC_CODE_UNIMPLEMENTED:
        return ST_UNIMPLEMENTED;
    case RPC_CODE_UNAVAILABLE:
        return ST_UNAVAILABLE;
    default:
        /* A peer of ours names its refusals; a bare code of these kinds is a defect somewhere. */
        return ST_INTERNAL;
    }
}
