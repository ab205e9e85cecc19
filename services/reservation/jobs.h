/* What time does to claims: lapsed ones are tidied and counted. They claim nothing before that
 * either; but a tidied one has a new version, which is how those who watch the date hear of it.
 * Idempotency keys are forgotten after 24 hours. */
#ifndef RESERVATION_JOBS_H
#define RESERVATION_JOBS_H

#include <stdint.h>

struct db;
struct claim_jobs;

/* `db` is borrowed until the stop. */
struct claim_jobs *claim_jobs_start(struct db *db, int64_t sweep_interval_ms);
void claim_jobs_stop(struct claim_jobs **jobs);

#endif
