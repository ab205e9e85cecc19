/* Stands in for services/concert/store.c and peers.c: a catalog and its seats in memory, for many
 * threads, with calls that fail or wait on demand, and what was asked. */
#ifndef FAKE_CATALOG_H
#define FAKE_CATALOG_H

#include "peers.h"
#include "store.h"

enum { FAKE_CONCERTS_MAX = 128, FAKE_DATES_MAX = 512 };

struct fake_catalog {
    struct catalog_concert concerts[FAKE_CONCERTS_MAX];
    size_t concert_count;
    struct catalog_date dates[FAKE_DATES_MAX]; /* of the first concert */
    size_t date_count;
    uint8_t held[FAKE_DATES_MAX], sold[FAKE_DATES_MAX]; /* of seats 1 to 8 of each date */
    int64_t versions[FAKE_DATES_MAX];

    size_t fail_call; /* the call, from 1, that fails; 0 for none */
    enum status fail_status;
    enum status gate_status; /* of the next occupancy, decided once it has passed the gate */

    size_t calls; /* of all kinds */
    size_t catalog_reads, occupancy_asks, maps_given, writes;
};

/* Empty, nothing asked, no gate. */
void fake_catalog_reset(void);
/* Under the fake's lock, as other threads may be asking. */
void fake_catalog_change(void (*change)(struct fake_catalog *catalog, void *self), void *self);
/* A copy of the counts and the rest. */
void fake_catalog_look(struct fake_catalog *ret_catalog);
/* From now on an occupancy waits, once its answer is made, until the gate is opened. */
void fake_catalog_shut_gate(void);
void fake_catalog_open_gate(void);
/* How many wait at the gate. */
size_t fake_catalog_at_gate(void);

#endif
