/* What dashboards want to know of sagas. */
#ifndef PAYMENT_FIGURES_H
#define PAYMENT_FIGURES_H

#include "payment.h"
#include "saga.h"

/* A step that was recorded: counts what it undid, and the payment's time when its outcome is now
 * known. */
void payment_count_step(const struct payment *before, const struct payment *after);

#endif
