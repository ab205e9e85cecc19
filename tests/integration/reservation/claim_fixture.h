/* The reservation store over a private PostgreSQL: two instances of it, and a short call for what
 * tests do most. */
#ifndef CLAIM_FIXTURE_H
#define CLAIM_FIXTURE_H

#include <check.h>

#include "db/db.h"
#include "store.h"
#include "support/postgres.h"

#define CONCERT "0190b0f0-0000-7000-8000-0000000000c0"
#define TOKEN   "0190b0f0-0000-7000-8000-0000000000d0"
#define PAYMENT "0190b0f0-0000-7000-8000-0000000000e0"
#define OTHER   "0190b0f0-0000-7000-8000-0000000000e1"
#define DATE    "2030-01-01"

extern char owner_url[SUPPORT_URL_SIZE], app_url[SUPPORT_URL_SIZE];
extern struct db *db, *second; /* two instances */
extern struct ctx ctx;

/* No reservations, two fresh pools, an empty arena. */
void set_up(void);
/* No deadlock was seen by the server, and I1, I2 and I8 hold, whatever the test did. */
void tear_down(void);
/* Asserts I1, I2 and I8 of the audit, as far as they are about reservations alone. */
void check_invariants(void);

struct db *open_pool(size_t write_lanes, size_t batch_max);
void fresh_ctx(void);
struct uuid user(void);
struct claim_wish wish_of(const char *user_id, int64_t seat_no);
enum status reserve(const struct claim_wish *wish, struct claim *claim);
bool move(enum claim_event event, const struct claim *claim, const char *payment_id,
          int64_t lease_ms, struct claim *ret_claim);
/* What a clock would do: the claim's time is over. */
void lapse(const struct claim *claim);
/* What a query of the owner returns. */
const char *ask(const char *sql);

/* Starts PostgreSQL, migrates, runs the cases, stops it; the program's exit code. */
int run_cases(const char *name, const TTest *const tests[], size_t count);

#endif
