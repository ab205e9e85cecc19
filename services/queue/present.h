/* Places and policies as the protocol has them. */
#ifndef QUEUE_PRESENT_H
#define QUEUE_PRESENT_H

#include "base/macros.h"
#include "base/status.h"
#include "boxoffice/queue/v1/queue.pb-c.h"
#include "line.h"

/* Texts of the message point into `place`, which must outlive it. */
void present_place(const struct line_figures *figures, struct place *place, uint64_t dice,
                   Boxoffice__Queue__V1__Place *message);

void present_policy(const struct policy *policy, Boxoffice__Queue__V1__Policy *message);
/* Adds a violation for an unknown kind and for every member out of range. */
enum status read_policy(struct ctx *ctx, const Boxoffice__Queue__V1__Policy *message,
                        struct policy *ret_policy) MUST_CHECK;

Boxoffice__Queue__V1__PlaceStatus present_status(enum place_status status);

#endif
