#include "payment.h"

#include <assert.h>
#include <string.h>

bool payment_page_size(int32_t asked, size_t *ret_size)
{
    if (asked < 0 || asked > PAYMENT_PAGE_MAX)
        return false;
    *ret_size = asked == 0 ? PAYMENT_PAGE_DEFAULT : (size_t)asked;
    return true;
}

bool payment_page_start(const char *page_token, struct uuid *ret_before)
{
    static const struct uuid after_all = {"ffffffff-ffff-ffff-ffff-ffffffffffff"};

    if (page_token[0] == '\0') {
        *ret_before = after_all;
        return true;
    }
    return uuid_parse(page_token, ret_before);
}

void payment_apply(struct payment *payment, const struct saga_transition *transition,
                   enum status refusal)
{
    assert(transition && transition->from == payment->state);
    assert(!transition->fails || refusal != ST_OK);

    payment->state = transition->to;
    payment->attempts = 0;
    if (transition->fails)
        payment->failure = refusal;

    assert((payment->failure != ST_OK) ==
           (payment->state == SAGA_REFUNDING || payment->state == SAGA_RELEASING ||
            payment->state == SAGA_FAILED));
}

bool payment_claim_is_valid(const struct payment_claim *claim)
{
    if (claim->amount_won < 1 || claim->seat_no < 1)
        return false;
    if (strlen(claim->currency) != PAYMENT_CURRENCY_SIZE - 1)
        return false;
    for (const char *c = claim->currency; *c; c++) {
        if (*c < 'A' || *c > 'Z')
            return false;
    }
    return uuid_is_valid(claim->concert_id.text) && clock_date_is_valid(claim->date);
}
