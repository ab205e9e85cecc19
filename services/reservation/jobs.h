/* What time does to claims: lapsed ones are tidied and counted. They claim nothing before that
 * either. */
#ifndef RESERVATION_JOBS_H
#define RESERVATION_JOBS_H

struct db;
struct claim_jobs;

/* `db` is borrowed until the stop. */
struct claim_jobs *claim_jobs_start(struct db *db);
void claim_jobs_stop(struct claim_jobs **jobs);

#endif
