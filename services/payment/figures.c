#include "figures.h"

#include "base/clock.h"
#include "metrics/metrics.h"

static void count_compensation(enum saga_command command)
{
    static const char help[] = "Steps of payments that were taken back.";
    if (command == SAGA_REFUND_WALLET)
        metrics_add(metrics_counter("payment_compensations_total", "step=\"refund\"", help), 1);
    if (command == SAGA_RELEASE_SEAT)
        metrics_add(metrics_counter("payment_compensations_total", "step=\"release\"", help), 1);
}

/* Its beginning is on the database's clock, so a small negative time is possible: none then. */
static void observe_time(const struct payment *payment)
{
    static const double bounds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                    1,     2.5,  5,     10,   30,  60};
    const int64_t took_ms = clock_wall_ms() - payment->created_at_unix_ms;
    const char *labels =
        saga_outcome(payment->state) == SAGA_PAID ? "outcome=\"completed\"" : "outcome=\"failed\"";
    metrics_observe(metrics_histogram("payment_saga_seconds", labels,
                                      "Time from a payment's beginning until its outcome is known.",
                                      bounds, ARRAY_LEN(bounds)),
                    took_ms < 0 ? 0 : (double)took_ms / 1000);
}

void payment_count_step(const struct payment *before, const struct payment *after)
{
    count_compensation(saga_command(before->state));
    if (saga_outcome(before->state) == SAGA_PENDING && saga_outcome(after->state) != SAGA_PENDING)
        observe_time(after);
}
