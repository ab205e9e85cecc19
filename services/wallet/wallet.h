/* The rules of money: pure. The balance itself is guarded where it is stored (store.c); what needs
 * no balance is decided here. */
#ifndef WALLET_WALLET_H
#define WALLET_WALLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/status.h"

enum {
    WALLET_KEY_MAX = 128, /* characters of an idempotency key */
    WALLET_PAGE_DEFAULT = 20,
    WALLET_PAGE_MAX = 100,
};

#define WALLET_CURRENCY "KRW"
/* Highest limit that can be set; far below the bound of the schema, so that a refund always fits.
 */
#define WALLET_LIMIT_MAX INT64_C(1000000000000)

struct wallet_limits {
    int64_t charge_won_max;  /* of one charge */
    int64_t balance_won_max; /* a charge may not pass it; a refund always may */
};

/* Whether the limits themselves make sense: 1..WALLET_LIMIT_MAX each. */
bool wallet_limits_are_valid(const struct wallet_limits *limits);

/* ST_INVALID_REQUEST below 1 won, ST_CHARGE_LIMIT above the limit of one charge, ST_BALANCE_LIMIT
 * when not even an empty account could take it. */
enum status wallet_check_charge(int64_t amount_won, const struct wallet_limits *limits) MUST_CHECK;
/* ST_INVALID_REQUEST below 1 won or above WALLET_LIMIT_MAX. */
enum status wallet_check_debit(int64_t amount_won) MUST_CHECK;

enum wallet_entry_kind { WALLET_CHARGE, WALLET_DEBIT, WALLET_REFUND };

/* The kind stored as that text; false and unchanged when there is none. */
bool wallet_entry_kind_from_text(const char *text, enum wallet_entry_kind *ret_kind);

/* 0 asks for the default; false and unchanged outside 0..WALLET_PAGE_MAX. */
bool wallet_page_size(int32_t asked, size_t *ret_size);
/* Whether a page can start there: "" at the newest entry, an entry's id right after that entry. An
 * id says nothing but what its user has seen, and new entries never shift the pages after it. */
bool wallet_page_token_is_valid(const char *page_token);

#endif
