/* Stands in for what services/reservation reads of a date's seats: a log of changes, written by the
 * test and read by the publisher's thread. */
#ifndef FAKE_SEATS_H
#define FAKE_SEATS_H

#include "seats.h"

/* No seats taken, no failure, no questions asked. */
void fake_seats_reset(void);
/* A seat of a date, of any concert, is in that state from now on; the date's new version. */
int64_t fake_seats_set(const char *date, int64_t seat_no, enum seat_state state);
/* Several at once, 1 to `last`, as one version. */
int64_t fake_seats_set_all(const char *date, int64_t last, enum seat_state state);
/* From now on every question fails so; ST_OK ends it. */
void fake_seats_fail(enum status status);
/* How often a whole map was asked for, and what had changed. */
int fake_seats_maps_asked(void);
int fake_seats_changes_asked(void);

#endif
