/* What the payment tests on a real PostgreSQL share: two instances' pools, the store and the driver
 * behind short calls. */
#ifndef PAYMENT_FIXTURE_H
#define PAYMENT_FIXTURE_H

#include <check.h>

#include "db/db.h"
#include "drive.h"
#include "store.h"
#include "support/postgres.h"

enum { LONG_LEASE_MS = 60000 };

extern char owner_url[SUPPORT_URL_SIZE];
extern char app_url[SUPPORT_URL_SIZE];
extern struct db *db;
extern struct db *other_db; /* another instance of the service */

struct scratch {
    unsigned char block[512 * 1024];
    struct arena arena;
    struct ctx ctx;
};

struct ctx *begin(struct scratch *scratch);

/* Fixtures: server and pools once, an empty table and fresh peers before each test. */
void set_up_server(void);
void tear_down_server(void);
void set_up(void);
struct db *open_db(void);

enum status start(struct db *at, const struct uuid *user, const struct uuid *reservation,
                  const char *key, int64_t lease_ms, struct payment *ret_payment,
                  bool *ret_created);
struct payment_driver driver_of(struct db *at);
void drive(struct db *at, struct payment *payment);
/* Takes over and drives what nobody drives; how many. */
size_t recover(struct db *at);
/* As time would. */
void expire_leases(void);
struct payment stored(const struct payment *payment);
/* The number of unfinished payments, as text. */
const char *unfinished(void);

/* Runs the cases of one program; its exit code. */
int run_tests(const char *name, const TTest *const tests[], size_t count);

#endif
