#include "failpoint/failpoint.h"

#ifdef BOXOFFICE_FAIL_POINTS

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/checked.h"

enum { POINT_SIZE = 80, HANG_MS = 60000 };

/* One of FAIL_AT's points: where, how, and in which words. */
struct point {
    char text[POINT_SIZE];
    char place[POINT_SIZE]; /* "debit:after" */
    enum { CRASH, ERROR, HANG } mode;
};

static atomic_flag fired[FAILPOINTS_MAX];

static void refuse(const char *text)
{
    dprintf(STDERR_FILENO, "FAIL_AT: \"%s\" is no <step>:<before|after>[:crash|error|hang]\n",
            text);
    abort();
}

static struct point read_point(const char *text, size_t length)
{
    static const char *const modes[] = {[CRASH] = "crash", [ERROR] = "error", [HANG] = "hang"};

    struct point point = {.mode = CRASH};
    if (length >= POINT_SIZE)
        refuse(text);
    base_copy_text(point.text, length + 1, text);
    base_copy_text(point.place, sizeof(point.place), point.text);
    char *moment = strchr(point.place, ':');
    if (!moment)
        refuse(point.text);
    char *mode = strchr(moment + 1, ':');
    if (mode)
        *mode++ = '\0';
    if (strcmp(moment, ":before") != 0 && strcmp(moment, ":after") != 0)
        refuse(point.text);
    if (!mode)
        return point;
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        if (strcmp(mode, modes[i]) == 0) {
            point.mode = i == ERROR ? ERROR : i == HANG ? HANG : CRASH;
            return point;
        }
    }
    refuse(point.text);
    return point;
}

static void hang(void)
{
    int64_t ms = HANG_MS;
    const char *wanted = getenv("FAIL_HANG_MS");
    if (wanted && (!base_parse_int64(wanted, &ms) || ms < 0))
        refuse(wanted);
    struct timespec rest = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&rest, &rest) != 0)
        ;
}

static enum status fail(const struct point *point)
{
    dprintf(STDERR_FILENO, "fail point %s\n", point->text);
    switch (point->mode) {
    case CRASH:
        raise(SIGKILL);
        break;
    case ERROR:
        break;
    case HANG:
        hang();
        return ST_OK;
    }
    return ST_UNAVAILABLE;
}

enum status failpoint_hit(const char *step, enum failpoint_moment moment)
{
    const char *list = getenv("FAIL_AT");
    if (!list || *list == '\0')
        return ST_OK;

    char here[POINT_SIZE];
    snprintf(here, sizeof(here), "%s:%s", step, moment == FAILPOINT_BEFORE ? "before" : "after");
    for (size_t i = 0; *list != '\0' && i < FAILPOINTS_MAX; i++) {
        const size_t length = strcspn(list, ",");
        const struct point point = read_point(list, length);
        if (strcmp(point.place, here) == 0 && !atomic_flag_test_and_set(&fired[i]))
            return fail(&point);
        list += length + (list[length] == ',' ? 1 : 0);
    }
    return ST_OK;
}

#else
/* ISO C wants something here. */
extern int failpoint_absent;
#endif
