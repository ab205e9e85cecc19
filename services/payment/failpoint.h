/* Fail points for tests: with BOXOFFICE_FAIL_POINTS compiled in and
 * FAIL_AT=<step>:<before|after>[:crash|error|hang] in the environment, the first time that step
 * gets there the process dies on the spot (crash, the default), the step's answer is lost (error),
 * or its thread sleeps for a minute (hang). Release builds hold none of it. */
#ifndef PAYMENT_FAILPOINT_H
#define PAYMENT_FAILPOINT_H

#include "base/macros.h"
#include "base/status.h"

enum failpoint_moment { FAILPOINT_BEFORE, FAILPOINT_AFTER };

#ifdef BOXOFFICE_FAIL_POINTS
/* ST_UNAVAILABLE when the step's answer is to be lost, else ST_OK. */
enum status failpoint_hit(const char *step, enum failpoint_moment moment) MUST_CHECK;
#else
static inline enum status failpoint_hit(const char *step, enum failpoint_moment moment)
{
    (void)step;
    (void)moment;
    return ST_OK;
}
#endif

#endif
