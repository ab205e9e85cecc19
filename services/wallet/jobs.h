/* What time does for wallets: idempotency keys are forgotten after 24 hours. Any number of
 * instances may run this. */
#ifndef WALLET_JOBS_H
#define WALLET_JOBS_H

struct db;
struct wallet_jobs;

/* `db` is borrowed. */
struct wallet_jobs *wallet_jobs_start(struct db *db);
/* Waits for a run to end. Sets NULL. */
void wallet_jobs_stop(struct wallet_jobs **jobs);

#endif
