/* What time does to the lines. */
#ifndef QUEUE_JOBS_H
#define QUEUE_JOBS_H

struct queue_store;
struct ticker;

/* Ticks all lines every 100 ms. Borrows the store. */
struct ticker *jobs_start(struct queue_store *store);
/* Stops ticking and records what is left of the logs. After the last request. */
void jobs_stop(struct ticker **jobs, struct queue_store *store);

#endif
