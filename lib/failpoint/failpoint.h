/* Fail points: places in a handler or a driver where a test makes its process fail. With
 * BOXOFFICE_FAIL_POINTS compiled in (Debug builds) the environment says where and how:
 *
 *     FAIL_AT=<step>:<before|after>[:crash|error|hang][,...]
 *
 * The first time that the step gets there, the process dies on the spot (crash, the default), the
 * step's answer is lost (error), or its thread stands still for FAIL_HANG_MS (a minute) and then
 * goes on as if nothing had been (hang). Each point of the list fires once, and says so on standard
 * error: "fail point debit:after:crash". A list that cannot be read ends the process.
 *
 * Release builds hold none of it: the call is an inline ST_OK. */
#ifndef FAILPOINT_FAILPOINT_H
#define FAILPOINT_FAILPOINT_H

#include "base/macros.h"
#include "base/status.h"

enum failpoint_moment {
    FAILPOINT_BEFORE, /* the step has had no effect yet */
    FAILPOINT_AFTER,  /* its effect is there to stay, nobody has been told */
};

#ifdef BOXOFFICE_FAIL_POINTS
enum { FAILPOINTS_MAX = 64 }; /* in one FAIL_AT */

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
