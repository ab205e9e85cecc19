#include "drive.h"

#include <time.h>

#include "base/clock.h"
#include "failpoint/failpoint.h"
#include "figures.h"
#include "log/log.h"
#include "peers.h"
#include "store.h"

enum {
    RECORD_RETRIES_MAX = 3,
    TOKEN_REST_MS = 2000, /* after a silence of the queue service */
};

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

static void sleep_ms(int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

/* Whether there is time for another try, after `retries` earlier ones. */
static bool has_time(struct ctx *ctx, int64_t retries)
{
    return ctx_remaining_ms(ctx) > 2 * DRIVE_MARGIN_MS + saga_backoff_ms(retries + 1);
}

/* Asks again when the answer is lost, so that a command whose outcome is known is not run anew. */
static enum status record(struct ctx *ctx, const struct payment_driver *driver,
                          struct payment *payment, enum saga_state from)
{
    for (int64_t retries = 0;; retries++) {
        struct ctx own = *ctx;
        ctx_forgive(&own);
        enum status status =
            payment_store_record(&own, driver->db, payment, from, driver->lease_ms);
        if (status == ST_OK || status == ST_CONFLICT)
            return status;
        log_line(LOG_WARN, ctx, "payment %s: could not be recorded: %s %s",
                 payment->payment_id.text, status_name(status), own.detail);
        if (retries == RECORD_RETRIES_MAX || !has_time(ctx, retries))
            return status;
        sleep_ms(saga_backoff_ms(retries + 1));
    }
}

/* Nobody runs a command whose lease may be over before the command is: others may have driven the
 * payment to its end meanwhile, and a seat claimed then would be held for nothing. */
static enum status keep_lease(struct ctx *ctx, const struct payment_driver *driver,
                              struct payment *payment)
{
    if (payment->lease_end_us - clock_monotonic_us() >= driver->step_ms * 1000)
        return ST_OK;
    return record(ctx, driver, payment, payment->state);
}

enum step {
    STEP_TAKEN,
    STEP_UNKNOWN,    /* the command's outcome is not known */
    STEP_UNRECORDED, /* the outcome could not be recorded; perhaps it was */
    STEP_LOST,       /* somebody else has the lease */
};

/* *payment is changed when the step is taken. */
static enum step take_step(struct ctx *ctx, const struct payment_driver *driver,
                           struct payment *payment)
{
    enum status kept = keep_lease(ctx, driver, payment);
    if (kept != ST_OK)
        return kept == ST_CONFLICT ? STEP_LOST : STEP_UNRECORDED;

    struct payment next = *payment;
    enum status status = run_command(ctx, driver, &next);

    enum saga_event event = saga_classify(saga_command(payment->state), status);
    const struct saga_transition *transition = saga_find(payment->state, event);
    if (!transition)
        return STEP_UNKNOWN;

    payment_apply(&next, transition, status);
    enum status recorded = record(ctx, driver, &next, payment->state);
    if (recorded != ST_OK)
        return recorded == ST_CONFLICT ? STEP_LOST : STEP_UNRECORDED;
    log_line(transition->fails ? LOG_INFO : LOG_DEBUG, ctx, "payment %s: %s",
             payment->payment_id.text, transition->sentence);
    payment_count_step(payment, &next);
    *payment = next;
    return STEP_TAKEN;
}

/* Whether the step may be tried again in this drive, after `retries` earlier retries of it. */
static bool may_retry(struct ctx *ctx, const struct payment_driver *driver,
                      const struct payment *payment, int64_t retries)
{
    return saga_outcome(payment->state) == SAGA_PENDING && retries < driver->retries_max &&
           has_time(ctx, retries);
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

/* All that is left is the token, and the queue service gave no answer a moment ago. */
static bool leaves_token(const struct payment_driver *driver, const struct payment *payment)
{
    return payment->state == SAGA_EXPIRING_TOKEN && driver->rest &&
           atomic_load(&driver->rest->until_us) > clock_monotonic_us();
}

static void note_silence(const struct payment_driver *driver, const struct payment *payment)
{
    if (payment->state == SAGA_EXPIRING_TOKEN && driver->rest)
        atomic_store(&driver->rest->until_us, clock_monotonic_us() + TOKEN_REST_MS * 1000);
}

void payment_drive(struct ctx *ctx, const struct payment_driver *driver, struct payment *payment)
{
    int64_t retries = 0;

    while (!saga_is_over(payment->state)) {
        if (ctx_remaining_ms(ctx) <= DRIVE_MARGIN_MS || leaves_token(driver, payment)) {
            hand_over(ctx, driver, payment, false);
            return;
        }
        enum step step = take_step(ctx, driver, payment);
        if (step == STEP_TAKEN) {
            retries = 0;
            continue;
        }
        if (step == STEP_LOST)
            return;
        if (step == STEP_UNKNOWN)
            note_silence(driver, payment);
        if (step == STEP_UNRECORDED || !may_retry(ctx, driver, payment, retries)) {
            hand_over(ctx, driver, payment, true);
            return;
        }
        retries++;
        sleep_ms(saga_backoff_ms(retries));
    }
}
