#include "saga.h"

#include <assert.h>
#include <string.h>

static const struct {
    const char *name;
    enum saga_command command;
    enum saga_outcome outcome;
} states[SAGA_STATE_COUNT] = {
    [SAGA_CLAIMING] = {"CLAIMING", SAGA_CLAIM_SEAT, SAGA_PENDING},
    [SAGA_DEBITING] = {"DEBITING", SAGA_DEBIT_WALLET, SAGA_PENDING},
    [SAGA_CONFIRMING] = {"CONFIRMING", SAGA_CONFIRM_SEAT, SAGA_PENDING},
    [SAGA_EXPIRING_TOKEN] = {"EXPIRING_TOKEN", SAGA_EXPIRE_TOKEN, SAGA_PAID},
    [SAGA_COMPLETED] = {"COMPLETED", SAGA_NO_COMMAND, SAGA_PAID},
    [SAGA_REFUNDING] = {"REFUNDING", SAGA_REFUND_WALLET, SAGA_PENDING},
    [SAGA_RELEASING] = {"RELEASING", SAGA_RELEASE_SEAT, SAGA_PENDING},
    [SAGA_FAILED] = {"FAILED", SAGA_NO_COMMAND, SAGA_NOT_PAID},
};

static const char *const command_names[SAGA_COMMAND_COUNT] = {
    [SAGA_NO_COMMAND] = "none",           [SAGA_CLAIM_SEAT] = "claim_seat",
    [SAGA_DEBIT_WALLET] = "debit_wallet", [SAGA_CONFIRM_SEAT] = "confirm_seat",
    [SAGA_EXPIRE_TOKEN] = "expire_token", [SAGA_REFUND_WALLET] = "refund_wallet",
    [SAGA_RELEASE_SEAT] = "release_seat",
};

static const struct saga_transition transitions[] = {
    {SAGA_CLAIMING, SAGA_DONE, SAGA_DEBITING, false, "the seat is claimed"},
    {SAGA_CLAIMING, SAGA_REFUSED, SAGA_FAILED, true, "the seat cannot be paid"},
    {SAGA_DEBITING, SAGA_DONE, SAGA_CONFIRMING, false, "the wallet is debited"},
    {SAGA_DEBITING, SAGA_REFUSED, SAGA_REFUNDING, true, "the wallet refused, it goes back"},
    {SAGA_CONFIRMING, SAGA_DONE, SAGA_EXPIRING_TOKEN, false, "the seat is sold"},
    {SAGA_CONFIRMING, SAGA_REFUSED, SAGA_REFUNDING, true, "the seat lapsed, the money goes back"},
    {SAGA_EXPIRING_TOKEN, SAGA_DONE, SAGA_COMPLETED, false, "the queue token is used up"},
    {SAGA_EXPIRING_TOKEN, SAGA_REFUSED, SAGA_COMPLETED, false, "there is no such queue token"},
    {SAGA_REFUNDING, SAGA_DONE, SAGA_RELEASING, false, "no money is owed"},
    {SAGA_RELEASING, SAGA_DONE, SAGA_FAILED, false, "the seat is back"},
    {SAGA_RELEASING, SAGA_REFUSED, SAGA_FAILED, false, "the seat had gone back already"},
};

const struct saga_transition *saga_find(enum saga_state from, enum saga_event event)
{
    for (size_t i = 0; i < ARRAY_LEN(transitions); i++) {
        if (transitions[i].from == from && transitions[i].event == event)
            return &transitions[i];
    }
    return NULL;
}

enum saga_command saga_command(enum saga_state state)
{
    assert(state < SAGA_STATE_COUNT);
    return states[state].command;
}

bool saga_is_over(enum saga_state state)
{
    return saga_command(state) == SAGA_NO_COMMAND;
}

enum saga_outcome saga_outcome(enum saga_state state)
{
    assert(state < SAGA_STATE_COUNT);
    return states[state].outcome;
}

enum saga_event saga_classify(enum saga_command command, enum status status)
{
    /* Answers that say for good that the command was not done and never will be. */
    static const struct {
        enum saga_command command;
        enum status status;
    } refusals[] = {
        {SAGA_CLAIM_SEAT, ST_RESERVATION_NOT_FOUND},
        {SAGA_CLAIM_SEAT, ST_HOLD_EXPIRED},
        {SAGA_CLAIM_SEAT, ST_NOT_HELD},
        {SAGA_CLAIM_SEAT, ST_ALREADY_PAID},
        {SAGA_CLAIM_SEAT, ST_PAYMENT_IN_PROGRESS},
        {SAGA_CLAIM_SEAT, ST_INVALID_REQUEST},
        {SAGA_DEBIT_WALLET, ST_INSUFFICIENT_BALANCE},
        {SAGA_DEBIT_WALLET, ST_DEBIT_REFUNDED},
        {SAGA_DEBIT_WALLET, ST_INVALID_REQUEST},
        {SAGA_CONFIRM_SEAT, ST_HOLD_EXPIRED},
        {SAGA_CONFIRM_SEAT, ST_ALREADY_PAID},
        {SAGA_CONFIRM_SEAT, ST_RESERVATION_NOT_FOUND},
        {SAGA_EXPIRE_TOKEN, ST_TOKEN_INVALID},
        {SAGA_EXPIRE_TOKEN, ST_TOKEN_EXPIRED},
        {SAGA_EXPIRE_TOKEN, ST_QUEUE_NOT_FOUND},
        {SAGA_EXPIRE_TOKEN, ST_INVALID_REQUEST},
        {SAGA_RELEASE_SEAT, ST_HOLD_EXPIRED},
        {SAGA_RELEASE_SEAT, ST_NOT_HELD},
        {SAGA_RELEASE_SEAT, ST_RESERVATION_NOT_FOUND},
    };

    if (status == ST_OK)
        return SAGA_DONE;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        if (refusals[i].command == command && refusals[i].status == status)
            return SAGA_REFUSED;
    }
    return SAGA_UNKNOWN;
}

int64_t saga_backoff_ms(int64_t attempts)
{
    assert(attempts >= 1);

    int64_t backoff_ms = SAGA_BACKOFF_MS_MIN;
    for (int64_t i = 1; i < attempts && backoff_ms < SAGA_BACKOFF_MS_MAX; i++)
        backoff_ms *= 2;
    return backoff_ms < SAGA_BACKOFF_MS_MAX ? backoff_ms : SAGA_BACKOFF_MS_MAX;
}

const char *saga_state_name(enum saga_state state)
{
    assert(state < SAGA_STATE_COUNT);
    return states[state].name;
}

bool saga_state_from_name(const char *name, enum saga_state *ret_state)
{
    for (size_t i = 0; i < SAGA_STATE_COUNT; i++) {
        if (strcmp(name, states[i].name) == 0) {
            *ret_state = (enum saga_state)i;
            return true;
        }
    }
    return false;
}

const char *saga_command_name(enum saga_command command)
{
    assert(command < SAGA_COMMAND_COUNT);
    return command_names[command];
}
