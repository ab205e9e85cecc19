/* Stands in for services/wallet/store.c: answers what it is told to, and remembers what it was
 * asked. */
#ifndef FAKE_WALLET_STORE_H
#define FAKE_WALLET_STORE_H

#include "store.h"

struct fake_wallet_store {
    enum status answer;
    struct wallet_movement movement;
    int64_t balance_won;
    struct wallet_entry entries[WALLET_PAGE_MAX + 1];
    size_t entry_count;

    size_t calls;
    struct wallet_charge charge;
    struct wallet_debit debit;
    struct wallet_refund refund;
    const char *before_entry_id;
    size_t limit;
};
extern struct fake_wallet_store fake_wallet_store;

#endif
