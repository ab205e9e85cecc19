#include "wallet.h"

#include <assert.h>
#include <string.h>

#include "base/uuid.h"

bool wallet_limits_are_valid(const struct wallet_limits *limits)
{
    return limits->charge_won_max >= 1 && limits->charge_won_max <= WALLET_LIMIT_MAX &&
           limits->balance_won_max >= 1 && limits->balance_won_max <= WALLET_LIMIT_MAX;
}

enum status wallet_check_charge(int64_t amount_won, const struct wallet_limits *limits)
{
    assert(wallet_limits_are_valid(limits));

    if (amount_won < 1)
        return ST_INVALID_REQUEST;
    if (amount_won > limits->charge_won_max)
        return ST_CHARGE_LIMIT;
    if (amount_won > limits->balance_won_max)
        return ST_BALANCE_LIMIT;
    return ST_OK;
}

enum status wallet_check_debit(int64_t amount_won)
{
    return amount_won >= 1 && amount_won <= WALLET_LIMIT_MAX ? ST_OK : ST_INVALID_REQUEST;
}

bool wallet_entry_kind_from_text(const char *text, enum wallet_entry_kind *ret_kind)
{
    static const char *const names[] = {
        [WALLET_CHARGE] = "CHARGE",
        [WALLET_DEBIT] = "DEBIT",
        [WALLET_REFUND] = "REFUND",
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_kind = (enum wallet_entry_kind)i;
            return true;
        }
    }
    return false;
}

bool wallet_page_size(int32_t asked, size_t *ret_size)
{
    if (asked < 0 || asked > WALLET_PAGE_MAX)
        return false;
    *ret_size = asked == 0 ? WALLET_PAGE_DEFAULT : (size_t)asked;
    return true;
}

bool wallet_page_token_is_valid(const char *page_token)
{
    return page_token[0] == '\0' || uuid_is_valid(page_token);
}
