#include "claim.h"

#include <string.h>

#include "base/checked.h"

static const char *const names[CLAIM_STATUS_COUNT] = {"HELD", "PAYING", "CONFIRMED", "EXPIRED",
                                                      "CANCELLED"};

const char *claim_status_name(enum claim_status status)
{
    return names[status];
}

bool claim_status_from_name(const char *name, enum claim_status *ret_status)
{
    for (int i = 0; i < CLAIM_STATUS_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_status = (enum claim_status)i;
            return true;
        }
    }
    return false;
}

static const struct {
    enum claim_status from;
    enum claim_event event;
    enum claim_status to;
} moves[] = {
    {CLAIM_HELD, CLAIM_BEGIN, CLAIM_PAYING},        {CLAIM_HELD, CLAIM_CANCEL, CLAIM_CANCELLED},
    {CLAIM_HELD, CLAIM_LAPSE, CLAIM_EXPIRED},       {CLAIM_PAYING, CLAIM_BEGIN, CLAIM_PAYING},
    {CLAIM_PAYING, CLAIM_CONFIRM, CLAIM_CONFIRMED}, {CLAIM_PAYING, CLAIM_RELEASE, CLAIM_HELD},
    {CLAIM_PAYING, CLAIM_LAPSE, CLAIM_EXPIRED},
};

bool claim_next(enum claim_status from, enum claim_event event, enum claim_status *ret_to)
{
    for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
        if (moves[i].from == from && moves[i].event == event) {
            *ret_to = moves[i].to;
            return true;
        }
    }
    return false;
}

static enum status judge_begin(const struct claim *claim, bool mine)
{
    switch (claim->status) {
    case CLAIM_HELD:
        /* Released by this payment: what comes now was sent before, and nobody would release it. */
        return mine ? ST_NOT_HELD : ST_OK;
    case CLAIM_PAYING:
        return mine ? ST_OK : ST_PAYMENT_IN_PROGRESS;
    case CLAIM_CONFIRMED:
        return ST_ALREADY_PAID;
    case CLAIM_EXPIRED:
    case CLAIM_CANCELLED:
        return ST_HOLD_EXPIRED;
    }
    return ST_INTERNAL;
}

static enum status judge_confirm(const struct claim *claim, bool mine, bool *ret_repeat)
{
    *ret_repeat = claim->status == CLAIM_CONFIRMED && mine;
    if (*ret_repeat || (claim->status == CLAIM_PAYING && mine))
        return ST_OK;
    return claim->status == CLAIM_CONFIRMED ? ST_ALREADY_PAID : ST_HOLD_EXPIRED;
}

static enum status judge_cancel(const struct claim *claim, bool *ret_repeat)
{
    *ret_repeat = claim->status == CLAIM_CANCELLED;
    if (*ret_repeat || claim->status == CLAIM_HELD)
        return ST_OK;
    return claim->status == CLAIM_EXPIRED ? ST_HOLD_EXPIRED : ST_NOT_HELD;
}

enum status claim_judge(const struct claim *claim, enum claim_event event, const char *payment_id,
                        bool *ret_repeat)
{
    const bool mine = payment_id != NULL && strcmp(claim->payment_id.text, payment_id) == 0;
    *ret_repeat = false;
    switch (event) {
    case CLAIM_BEGIN:
        return judge_begin(claim, mine);
    case CLAIM_CONFIRM:
        return judge_confirm(claim, mine, ret_repeat);
    case CLAIM_RELEASE:
        /* Whatever this payment does not hold any more is released already. */
        *ret_repeat = !(claim->status == CLAIM_PAYING && mine);
        return ST_OK;
    case CLAIM_CANCEL:
        return judge_cancel(claim, ret_repeat);
    case CLAIM_LAPSE:
        return ST_OK;
    }
    return ST_INTERNAL;
}

bool claim_price(const struct claim_tier tiers[], size_t count, int64_t seat_no,
                 int64_t *ret_price_won)
{
    for (size_t i = 0; i < count; i++) {
        if (seat_no >= tiers[i].first_seat_no && seat_no <= tiers[i].last_seat_no) {
            *ret_price_won = tiers[i].price_won;
            return true;
        }
    }
    return false;
}

bool claim_mark_seats(const char *list, uint8_t *bitmap, size_t seats)
{
    while (*list != '\0') {
        char digits[8];
        const size_t length = strcspn(list, ",");
        int64_t seat_no = 0;
        if (length >= sizeof digits)
            return false;
        base_copy_text(digits, length + 1, list);
        if (!base_parse_int64(digits, &seat_no) || seat_no < 1 || (size_t)seat_no > seats)
            return false;
        bitmap[(seat_no - 1) / 8] |= (uint8_t)(1U << ((seat_no - 1) % 8));
        list += length + (list[length] == ',' ? 1 : 0);
    }
    return true;
}
