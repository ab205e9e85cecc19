#include "failpoint.h"

#ifdef BOXOFFICE_FAIL_POINTS

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HANG_SECONDS = 60 };

static atomic_flag fired = ATOMIC_FLAG_INIT;

enum status failpoint_hit(const char *step, enum failpoint_moment moment)
{
    const char *wanted = getenv("FAIL_AT");
    if (!wanted)
        return ST_OK;

    char here[64];
    int length = snprintf(here, sizeof(here), "%s:%s", step,
                          moment == FAILPOINT_BEFORE ? "before" : "after");
    if (length < 0 || strncmp(wanted, here, (size_t)length) != 0)
        return ST_OK;
    const char *mode = wanted + length;
    if (*mode != '\0' && *mode != ':')
        return ST_OK;
    if (atomic_flag_test_and_set(&fired))
        return ST_OK;

    if (strcmp(mode, ":error") == 0)
        return ST_UNAVAILABLE;
    if (strcmp(mode, ":hang") == 0) {
        sleep(HANG_SECONDS);
        return ST_UNAVAILABLE;
    }
    raise(SIGKILL);
    return ST_UNAVAILABLE;
}

#else
/* ISO C wants something here. */
extern int failpoint_absent;
#endif
