/* A catalog of one concert over the fake store. */
#ifndef CONCERT_FIXTURE_H
#define CONCERT_FIXTURE_H

#include <check.h>

#include "base/ctx.h"
#include "fake_catalog.h"
#include "moments.h"

#define CONCERT_ID "0190a000-0000-7000-8000-0000000000c1"

extern struct ctx ctx;
extern struct moments *moments;

void fresh_ctx(void);
/* One concert, dates 2090-01-01 to 2090-01-03 of 8 seats, all free, and a fresh cache. */
void set_up(void);
void tear_down(void);

struct catalog_date date_named(const char *date, int64_t seats_total);
/* As a committed change: the bits of a date and a new version. */
void set_seats(size_t date, uint8_t held, uint8_t sold);
void set_seats_at(size_t date, uint8_t held, uint8_t sold, int64_t version);
/* As an operator: one more date. */
void add_date(const char *date);
struct fake_catalog look(void);

/* Runs the cases of one program; its exit code. */
int run_tests(const char *name, const TTest *const tests[], size_t count);

#endif
