#include "seat_model.h"

#include <assert.h>

enum model_state model_state(const struct model *model, size_t claim)
{
    const struct model_claim *it = &model->claims[claim];
    const bool runs = it->state == MODEL_HELD || it->state == MODEL_PAYING;
    return runs && it->claim_until <= model->now ? MODEL_EXPIRED : it->state;
}

static bool is_live(const struct model *model, size_t claim)
{
    const enum model_state state = model_state(model, claim);
    return state == MODEL_HELD || state == MODEL_PAYING || state == MODEL_CONFIRMED;
}

enum model_state model_seat(const struct model *model, int seat)
{
    for (size_t i = 0; i < model->count; i++) {
        if (model->claims[i].seat == seat && is_live(model, i))
            return model->claims[i].state == MODEL_CONFIRMED ? MODEL_CONFIRMED : MODEL_HELD;
    }
    return MODEL_CANCELLED;
}

enum status model_reserve(struct model *model, int user, int seat, int key, size_t *ret_claim,
                          bool *ret_replayed)
{
    *ret_replayed = false;
    for (size_t i = 0; i < model->count && key != 0; i++) {
        const struct model_claim *it = &model->claims[i];
        if (it->user != user || it->key != key || model->now - it->made_at >= MODEL_DAY)
            continue;
        if (it->seat != seat)
            return ST_IDEMPOTENCY_KEY_REUSED;
        *ret_claim = i;
        *ret_replayed = true;
        return ST_OK;
    }
    for (size_t i = 0; i < model->count; i++) {
        if (model->claims[i].user == user && is_live(model, i))
            return ST_ONE_SEAT_PER_DATE;
    }
    if (model_seat(model, seat) != MODEL_CANCELLED)
        return model_seat(model, seat) == MODEL_CONFIRMED ? ST_SEAT_SOLD : ST_SEAT_HELD;
    assert(model->count < MODEL_CLAIMS_MAX);
    *ret_claim = model->count;
    model->claims[model->count++] = (struct model_claim){
        .user = user,
        .seat = seat,
        .key = key,
        .made_at = model->now,
        .hold_until = model->now + MODEL_HOLD,
        .claim_until = model->now + MODEL_HOLD,
    };
    return ST_OK;
}

static int later(int a, int b)
{
    return a > b ? a : b;
}

static int earlier(int a, int b)
{
    return a < b ? a : b;
}

enum status model_begin(struct model *model, size_t claim, int payment, int lease)
{
    struct model_claim *it = &model->claims[claim];
    switch (model_state(model, claim)) {
    case MODEL_PAYING:
        if (it->payment != payment)
            return ST_PAYMENT_IN_PROGRESS;
        break;
    case MODEL_CONFIRMED:
        return ST_ALREADY_PAID;
    case MODEL_EXPIRED:
    case MODEL_CANCELLED:
        return ST_HOLD_EXPIRED;
    case MODEL_HELD:
        if (it->payment == payment) /* it released the seat, and comes too late */
            return ST_NOT_HELD;
        break;
    }
    it->state = MODEL_PAYING;
    it->payment = payment;
    it->claim_until =
        later(it->claim_until, earlier(model->now + lease, it->hold_until + MODEL_EXTENSION));
    return ST_OK;
}

enum status model_confirm(struct model *model, size_t claim, int payment)
{
    struct model_claim *it = &model->claims[claim];
    const enum model_state state = model_state(model, claim);
    if (state == MODEL_CONFIRMED)
        return it->payment == payment ? ST_OK : ST_ALREADY_PAID;
    if (state != MODEL_PAYING || it->payment != payment)
        return ST_HOLD_EXPIRED;
    it->state = MODEL_CONFIRMED;
    return ST_OK;
}

enum status model_release(struct model *model, size_t claim, int payment)
{
    struct model_claim *it = &model->claims[claim];
    if (model_state(model, claim) != MODEL_PAYING || it->payment != payment)
        return ST_OK;
    it->state = it->hold_until > model->now ? MODEL_HELD : MODEL_EXPIRED;
    it->claim_until = it->hold_until;
    return ST_OK;
}

enum status model_cancel(struct model *model, size_t claim)
{
    const enum model_state state = model_state(model, claim);
    if (state == MODEL_EXPIRED)
        return ST_HOLD_EXPIRED;
    if (state == MODEL_PAYING || state == MODEL_CONFIRMED)
        return ST_NOT_HELD;
    model->claims[claim].state = MODEL_CANCELLED;
    return ST_OK;
}

void model_pass(struct model *model, int units)
{
    model->now += units;
}
