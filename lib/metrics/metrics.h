/* Counters, gauges and histograms, written as Prometheus text
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). Metrics are process-long and made
 * at start (or on first use of a label set); updating one is lock-free and never fails. */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct metrics_counter;
struct metrics_gauge;
struct metrics_histogram;

/* `labels` is the inside of the braces, e.g. "grpc_method=\"Reserve\",grpc_code=\"OK\"", or "". The
 * same name and labels give the same metric. Names follow Prometheus naming (counters end in
 * _total, units are seconds and bytes). All metrics of one name share the first one's help. More
 * than METRICS_MAX metrics: the surplus is counted into one hidden metric and logged nowhere. Never
 * NULL. */
enum { METRICS_MAX = 4096 };

struct metrics_counter *metrics_counter(const char *name, const char *labels, const char *help);
struct metrics_gauge *metrics_gauge(const char *name, const char *labels, const char *help);
/* Buckets are upper bounds in seconds, ascending; NULL and 0: the default latency buckets 0.5 ms ..
 * 10 s. */
struct metrics_histogram *metrics_histogram(const char *name, const char *labels, const char *help,
                                            const double *bounds, size_t bound_count);

void metrics_add(struct metrics_counter *counter, uint64_t amount);
uint64_t metrics_counter_value(const struct metrics_counter *counter);
void metrics_set(struct metrics_gauge *gauge, int64_t value);
void metrics_move(struct metrics_gauge *gauge, int64_t delta);
int64_t metrics_gauge_value(const struct metrics_gauge *gauge);
void metrics_observe(struct metrics_histogram *histogram, double value);

/* Called before each rendering, to refresh gauges that are read from elsewhere; at most 32. */
typedef void metrics_collect_fn(void *self);
void metrics_on_collect(metrics_collect_fn *collect, void *self);

/* The whole exposition text, process_* metrics (cpu, resident memory, open descriptors) included;
 * heap text for the caller to free. Metrics of one name stand together under one HELP and TYPE. */
char *metrics_render(size_t *ret_size);

#endif
