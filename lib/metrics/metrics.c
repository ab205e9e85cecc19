#include "metrics/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <dirent.h>
#include <unistd.h>

enum { BUCKETS_MAX = 24, COLLECTORS_MAX = 32, TABLE_SIZE = 2 * METRICS_MAX };

enum kind { COUNTER, GAUGE, HISTOGRAM };

/* Latency buckets in seconds, for whoever names none. */
static const double default_bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                        0.1,    0.25,  0.5,    1.0,   2.5,  5.0,   10.0};

struct metrics_counter {
    _Atomic uint64_t value;
};
struct metrics_gauge {
    _Atomic int64_t value;
};
struct metrics_histogram {
    size_t bound_count;
    double bounds[BUCKETS_MAX];
    _Atomic uint64_t buckets[BUCKETS_MAX + 1];
    _Atomic uint64_t sum_nano; /* of the values, times 1e9: integers add without a lock */
};

struct metric {
    char *name, *labels, *help;
    enum kind kind;
    struct metrics_counter counter;
    struct metrics_gauge gauge;
    struct metrics_histogram *histogram;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct metric *metrics[METRICS_MAX];
static size_t metric_count;
static uint16_t table[TABLE_SIZE]; /* open addressing: index + 1 into metrics */
static struct {
    metrics_collect_fn *collect;
    void *self;
} collectors[COLLECTORS_MAX];
static size_t collector_count;

static uint64_t hash_of(const char *name, const char *labels)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */
    for (const char *c = name; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211U;
    hash = (hash ^ '{') * 1099511628211U;
    for (const char *c = labels; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211U;
    return hash;
}

static struct metrics_histogram *make_histogram(const double *bounds, size_t bound_count)
{
    if (bounds == NULL) {
        bounds = default_bounds;
        bound_count = ARRAY_LEN(default_bounds);
    }
    assert(bound_count >= 1 && bound_count <= BUCKETS_MAX);
    struct metrics_histogram *histogram = calloc(1, sizeof *histogram);
    if (histogram == NULL)
        abort();
    histogram->bound_count = bound_count;
    memcpy(histogram->bounds, bounds, bound_count * sizeof *bounds);
    return histogram;
}

static struct metric *make(enum kind kind, const char *name, const char *labels, const char *help,
                           const double *bounds, size_t bound_count)
{
    struct metric *metric = calloc(1, sizeof *metric);
    if (metric == NULL)
        abort();
    metric->name = strdup(name);
    metric->labels = strdup(labels);
    metric->help = strdup(help);
    metric->kind = kind;
    if (kind == HISTOGRAM)
        metric->histogram = make_histogram(bounds, bound_count);
    return metric;
}

/* All metrics of one name have the first one's help. */
static const char *shared_help(const char *name, const char *help)
{
    for (size_t i = 0; i < metric_count; i++) {
        if (strcmp(metrics[i]->name, name) == 0)
            return metrics[i]->help;
    }
    return help;
}

/* The one of that name and labels, made if need be; the hidden one of the kind's shape when full.
 */
static struct metric *find_or_make(enum kind kind, const char *name, const char *labels,
                                   const char *help, const double *bounds, size_t bound_count)
{
    static struct metric *surplus[HISTOGRAM + 1];
    pthread_mutex_lock(&lock);
    size_t slot = hash_of(name, labels) % TABLE_SIZE;
    struct metric *found = NULL;
    while (table[slot] != 0 && found == NULL) {
        struct metric *metric = metrics[table[slot] - 1];
        if (strcmp(metric->name, name) == 0 && strcmp(metric->labels, labels) == 0)
            found = metric;
        slot = (slot + 1) % TABLE_SIZE;
    }
    if (found == NULL && metric_count < METRICS_MAX) {
        found = make(kind, name, labels, shared_help(name, help), bounds, bound_count);
        metrics[metric_count++] = found;
        table[slot] = (uint16_t)metric_count;
    } else if (found == NULL) {
        if (surplus[kind] == NULL)
            surplus[kind] = make(kind, "surplus", "", "", NULL, 0);
        found = surplus[kind];
    }
    pthread_mutex_unlock(&lock);
    assert(found->kind == kind);
    return found;
}

struct metrics_counter *metrics_counter(const char *name, const char *labels, const char *help)
{
    return &find_or_make(COUNTER, name, labels, help, NULL, 0)->counter;
}

struct metrics_gauge *metrics_gauge(const char *name, const char *labels, const char *help)
{
    return &find_or_make(GAUGE, name, labels, help, NULL, 0)->gauge;
}

struct metrics_histogram *metrics_histogram(const char *name, const char *labels, const char *help,
                                            const double *bounds, size_t bound_count)
{
    return find_or_make(HISTOGRAM, name, labels, help, bounds, bound_count)->histogram;
}

void metrics_add(struct metrics_counter *counter, uint64_t amount)
{
    atomic_fetch_add_explicit(&counter->value, amount, memory_order_relaxed);
}

uint64_t metrics_counter_value(const struct metrics_counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

void metrics_set(struct metrics_gauge *gauge, int64_t value)
{
    atomic_store_explicit(&gauge->value, value, memory_order_relaxed);
}

void metrics_move(struct metrics_gauge *gauge, int64_t delta)
{
    atomic_fetch_add_explicit(&gauge->value, delta, memory_order_relaxed);
}

int64_t metrics_gauge_value(const struct metrics_gauge *gauge)
{
    return atomic_load_explicit(&gauge->value, memory_order_relaxed);
}

void metrics_observe(struct metrics_histogram *histogram, double value)
{
    size_t bucket = 0;
    while (bucket < histogram->bound_count && value > histogram->bounds[bucket])
        bucket++;
    atomic_fetch_add_explicit(&histogram->buckets[bucket], 1, memory_order_relaxed);
    if (value > 0)
        atomic_fetch_add_explicit(&histogram->sum_nano, (uint64_t)(value * 1e9),
                                  memory_order_relaxed);
}

void metrics_on_collect(metrics_collect_fn *collect, void *self)
{
    pthread_mutex_lock(&lock);
    assert(collector_count < COLLECTORS_MAX);
    collectors[collector_count].collect = collect;
    collectors[collector_count].self = self;
    collector_count++;
    pthread_mutex_unlock(&lock);
}

static void write_histogram(FILE *out, const struct metric *metric)
{
    const struct metrics_histogram *histogram = metric->histogram;
    const char *comma = metric->labels[0] == '\0' ? "" : ",";
    uint64_t total = 0;
    for (size_t i = 0; i <= histogram->bound_count; i++) {
        char bound[32] = "+Inf";
        if (i < histogram->bound_count)
            snprintf(bound, sizeof bound, "%g", histogram->bounds[i]);
        total += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
        fprintf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", metric->name, metric->labels, comma,
                bound, total);
    }
    const char *open = metric->labels[0] == '\0' ? "" : "{", *close = open[0] == '\0' ? "" : "}";
    const uint64_t sum_nano = atomic_load_explicit(&histogram->sum_nano, memory_order_relaxed);
    fprintf(out, "%s_sum%s%s%s %.9g\n", metric->name, open, metric->labels, close,
            (double)sum_nano / 1e9);
    fprintf(out, "%s_count%s%s%s %" PRIu64 "\n", metric->name, open, metric->labels, close, total);
}

static void write_metric(FILE *out, const struct metric *metric)
{
    const char *open = metric->labels[0] == '\0' ? "" : "{", *close = open[0] == '\0' ? "" : "}";
    switch (metric->kind) {
    case COUNTER:
        fprintf(out, "%s%s%s%s %" PRIu64 "\n", metric->name, open, metric->labels, close,
                metrics_counter_value(&metric->counter));
        break;
    case GAUGE:
        fprintf(out, "%s%s%s%s %" PRId64 "\n", metric->name, open, metric->labels, close,
                metrics_gauge_value(&metric->gauge));
        break;
    case HISTOGRAM:
        write_histogram(out, metric);
        break;
    }
}

/* What Prometheus client libraries tell of their process
 * (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics). */
static void write_process(FILE *out)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    fprintf(out,
            "# HELP process_cpu_seconds_total CPU time used.\n# TYPE process_cpu_seconds_total "
            "counter\n"
            "process_cpu_seconds_total %.6f\n",
            cpu);

    long pages = 0, resident = 0;
    FILE *statm = fopen("/proc/self/statm", "re");
    if (statm != NULL) {
        if (fscanf(statm, "%ld %ld", &pages, &resident) != 2)
            resident = 0;
        fclose(statm);
    }
    fprintf(out,
            "# HELP process_resident_memory_bytes Resident memory.\n"
            "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %ld\n",
            resident * sysconf(_SC_PAGESIZE));

    long descriptors = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (directory != NULL) {
        while (readdir(directory) != NULL)
            descriptors++;
        closedir(directory);
        descriptors -= 3; /* ".", ".." and the directory itself */
    }
    fprintf(out,
            "# HELP process_open_fds Open file descriptors.\n# TYPE process_open_fds gauge\n"
            "process_open_fds %ld\n",
            descriptors);
}

static int by_name(const void *left, const void *right)
{
    const struct metric *a = *(struct metric *const *)left, *b = *(struct metric *const *)right;
    const int names = strcmp(a->name, b->name);
    return names != 0 ? names : strcmp(a->labels, b->labels);
}

static void write_all(FILE *out, struct metric **sorted, size_t count)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(sorted[i - 1]->name, sorted[i]->name) != 0)
            fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", sorted[i]->name, sorted[i]->help,
                    sorted[i]->name, types[sorted[i]->kind]);
        write_metric(out, sorted[i]);
    }
}

char *metrics_render(size_t *ret_size)
{
    for (size_t i = 0; i < collector_count; i++)
        collectors[i].collect(collectors[i].self);

    struct metric *sorted[METRICS_MAX];
    pthread_mutex_lock(&lock);
    const size_t count = metric_count;
    memcpy(sorted, metrics, count * sizeof *sorted);
    pthread_mutex_unlock(&lock);
    qsort(sorted, count, sizeof *sorted, by_name);

    char *text = NULL;
    FILE *out = open_memstream(&text, ret_size);
    if (out == NULL)
        abort();
    write_all(out, sorted, count);
    write_process(out);
    fclose(out);
    return text;
}
