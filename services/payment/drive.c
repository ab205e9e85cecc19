#include "drive.h"

#include <time.h>

#include "base/clock.h"
#include "failpoint.h"
#include "log/log.h"
#include "peers.h"
#include "store.h"

/* Runs the command that is due; what it brought is in *payment. */
static enum status call_peer(struct ctx *ctx, const struct payment_driver *driver,
                             enum saga_command command, struct payment *payment)
{
    switch (command) {
    case SAGA_CLAIM_SEAT:
        return peer_claim_seat(ctx, driver->peers, payment, driver->seat_lease_ms, &payment->claim);
    case SAGA_DEBIT_WALLET:
        return peer_debit_wallet(ctx, driver->peers, payment, &payment->balance_after_won);
    case SAGA_CONFIRM_SEAT:
        return peer_confirm_seat(ctx, driver->peers, payment);
    case SAGA_EXPIRE_TOKEN:
        return peer_expire_token(ctx, driver->peers, payment);
    case SAGA_REFUND_WALLET:
        return peer_refund_wallet(ctx, driver->peers, payment);
    case SAGA_RELEASE_SEAT:
        return peer_release_seat(ctx, driver->peers, payment);
    case SAGA_NO_COMMAND:
    case SAGA_COMMAND_COUNT:
        break;
    }
    return ctx_fail(ctx, ST_INTERNAL, "no command is due");
}

static enum status run_command(struct ctx *ctx, const struct payment_driver *driver,
                               struct payment *payment)
{
    enum saga_command command = saga_command(payment->state);
    const char *name = saga_command_name(command);

    /* The step's own ctx: what a peer said about it is not what this request fails with. */
    struct ctx step = *ctx;
    ctx_forgive(&step);
    if (step.deadline_us != CTX_NO_DEADLINE)
        step.deadline_us -= DRIVE_MARGIN_MS * 1000;
    ctx_limit_timeout_ms(&step, command == SAGA_EXPIRE_TOKEN ? driver->token_ms : driver->step_ms);

    TRY(failpoint_hit(name, FAILPOINT_BEFORE));
    enum status status = call_peer(&step, driver, command, payment);
    TRY(failpoint_hit(name, FAILPOINT_AFTER));

    if (saga_classify(command, status) == SAGA_UNKNOWN)
        log_line(LOG_WARN, ctx, "payment %s: %s has no answer: %s %s", payment->payment_id.text,
                 name, status_name(status), step.detail);
    return status;
}

/* One step: ST_OK when the next state is recorded, ST_CONFLICT when the lease was lost, anything
 * else when the outcome of the command or of the recording is not known. *payment is changed on
 * ST_OK only. */
static enum status take_step(struct ctx *ctx, const struct payment_driver *driver,
                             struct payment *payment)
{
    struct payment next = *payment;
    enum status status = run_command(ctx, driver, &next);

    enum saga_event event = saga_classify(saga_command(payment->state), status);
    const struct saga_transition *transition = saga_find(payment->state, event);
    if (!transition)
        return ST_UNAVAILABLE;

    payment_apply(&next, transition, status);
    TRY(payment_store_record(ctx, driver->db, &next, payment->state, driver->lease_ms));
    log_line(transition->fails ? LOG_INFO : LOG_DEBUG, ctx, "payment %s: %s",
             payment->payment_id.text, transition->sentence);
    *payment = next;
    return ST_OK;
}

static void sleep_ms(int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

/* Whether the step may be tried again in this drive, after `retries` earlier retries of it. */
static bool may_retry(struct ctx *ctx, const struct payment_driver *driver,
                      const struct payment *payment, int64_t retries)
{
    return saga_outcome(payment->state) == SAGA_PENDING && retries < driver->retries_max &&
           ctx_remaining_ms(ctx) > 2 * DRIVE_MARGIN_MS + saga_backoff_ms(retries + 1);
}

static void hand_over(struct ctx *ctx, const struct payment_driver *driver,
                      const struct payment *payment, bool failed)
{
    int64_t delay_ms = failed ? saga_backoff_ms(payment->attempts + 1) : 0;
    struct ctx own = *ctx;
    ctx_forgive(&own);
    /* When even this fails, the lease runs out by itself. */
    enum status status = payment_store_defer(&own, driver->db, payment, delay_ms);
    if (status != ST_OK)
        log_line(LOG_WARN, ctx, "payment %s: could not be handed over: %s %s",
                 payment->payment_id.text, status_name(status), own.detail);
}

void payment_drive(struct ctx *ctx, const struct payment_driver *driver, struct payment *payment)
{
    int64_t retries = 0;

    while (!saga_is_over(payment->state)) {
        if (ctx_remaining_ms(ctx) <= DRIVE_MARGIN_MS) {
            hand_over(ctx, driver, payment, false);
            return;
        }
        enum status status = take_step(ctx, driver, payment);
        if (status == ST_OK) {
            retries = 0;
            continue;
        }
        if (status == ST_CONFLICT)
            return;
        if (!may_retry(ctx, driver, payment, retries)) {
            hand_over(ctx, driver, payment, true);
            return;
        }
        retries++;
        sleep_ms(saga_backoff_ms(retries));
    }
}
