#include "watch.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/ticker.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "report.h"

enum {
    LOOK_TIMEOUT_MS = 300000,
    TOLD_MAX = 5,      /* violations of one invariant that a look writes to the log */
    LATE_LOOKS = 3,    /* a watch that missed so many is not ready */
    GRACE_MS = 30000,  /* for the look itself */
    TICK_ARENA = 4096, /* the looks bring their own */
};

/* One look's memory: the last report is needed while the next one is made. */
struct look {
    void *block;
    struct arena arena;
    struct audit_report report;
};

struct audit_watch {
    struct audit_options options;
    int64_t interval_ms;
    const char *report_file;
    struct look looks[2];
    size_t next;
    bool has_last;
    _Atomic int64_t done_us; /* when a look was last complete; 0 before */
    struct ticker *ticker;
    struct metrics_gauge *violations[AUDIT_FINDINGS_MAX];
    struct metrics_gauge *rows;
    struct metrics_gauge *done_at;
    struct metrics_counter *done;
    struct metrics_counter *failed;
    struct metrics_histogram *duration;
};

static bool is_told(const struct audit_finding *finding, const char *sample)
{
    for (size_t i = 0; i < finding->sample_count; i++) {
        if (strcmp(finding->samples[i], sample) == 0)
            return true;
    }
    return false;
}

int64_t audit_count_lasting(const struct audit_finding *before, const struct audit_finding *now)
{
    if (!now->invariant->settles)
        return now->violations;
    int64_t lasting = 0;
    for (size_t i = 0; before && i < now->sample_count; i++)
        lasting += is_told(before, now->samples[i]);
    return lasting;
}

static void tell(const struct audit_finding *before, const struct audit_finding *now)
{
    size_t told = 0;
    for (size_t i = 0; i < now->sample_count && told < TOLD_MAX; i++) {
        if (now->invariant->settles && !(before && is_told(before, now->samples[i])))
            continue;
        log_line(LOG_ERROR, NULL, "%s (%s) is violated: %s", now->invariant->id,
                 now->invariant->sentence, now->samples[i]);
        told++;
    }
}

static void show(struct audit_watch *watch, const struct audit_report *last,
                 const struct audit_report *now)
{
    for (size_t i = 0; i < now->count; i++) {
        const struct audit_finding *before = last ? &last->findings[i] : NULL;
        metrics_set(watch->violations[i], audit_count_lasting(before, &now->findings[i]));
        tell(before, &now->findings[i]);
    }
    metrics_set(watch->rows, now->rows_read);
    metrics_set(watch->done_at, clock_wall_ms() / 1000);
}

/* A reader sees the old report or the new one, whole. */
static void leave_report(const struct audit_watch *watch, const struct audit_report *last,
                         const struct audit_report *now)
{
    char path[4096];
    if (watch->report_file[0] == '\0')
        return;
    struct audit_report lasting = *now;
    lasting.violations = 0;
    for (size_t i = 0; i < lasting.count; i++) {
        struct audit_finding *finding = &lasting.findings[i];
        finding->violations =
            audit_count_lasting(last ? &last->findings[i] : NULL, &now->findings[i]);
        finding->sample_count = 0;
        lasting.violations += finding->violations;
    }
    snprintf(path, sizeof(path), "%s.new", watch->report_file);
    FILE *file = fopen(path, "we");
    if (file)
        report_print_json(&lasting, file);
    if (!file || fclose(file) != 0 || rename(path, watch->report_file) != 0)
        log_line(LOG_WARN, NULL, "AUDIT_REPORT_FILE cannot be written");
}

static void take_look(struct ctx *tick, void *self)
{
    (void)tick;
    struct audit_watch *watch = self;
    struct look *look = &watch->looks[watch->next];
    const struct look *last = &watch->looks[1 - watch->next];
    struct ctx ctx;

    arena_reset(&look->arena);
    ctx_init(&ctx, &look->arena);
    ctx_set_timeout_ms(&ctx, LOOK_TIMEOUT_MS);
    const int64_t from_us = clock_monotonic_us();
    const enum status status = audit_run(&ctx, &watch->options, &look->report);
    if (status != ST_OK) {
        /* What was found before stays shown; that it grows old is shown as well. */
        metrics_add(watch->failed, 1);
        log_line(LOG_WARN, &ctx, "no look: %s %s", status_name(status), ctx.detail);
        return;
    }
    show(watch, watch->has_last ? &last->report : NULL, &look->report);
    leave_report(watch, watch->has_last ? &last->report : NULL, &look->report);
    const int64_t now_us = clock_monotonic_us();
    metrics_observe(watch->duration, (double)(now_us - from_us) / 1e6);
    metrics_add(watch->done, 1);
    atomic_store(&watch->done_us, now_us);
    watch->next = 1 - watch->next;
    watch->has_last = true;
}

static void make_metrics(struct audit_watch *watch)
{
    for (size_t i = 0; i < audit_invariant_count; i++) {
        char label[32];
        snprintf(label, sizeof(label), "invariant=\"%s\"", audit_invariants[i].id);
        watch->violations[i] =
            metrics_gauge("boxoffice_invariant_violations", label,
                          "Violations that last, as of the last complete look of the audit.");
    }
    watch->rows = metrics_gauge("boxoffice_audit_rows", "", "Rows that the last look read.");
    watch->done_at = metrics_gauge("boxoffice_audit_last_done_timestamp_seconds", "",
                                   "When a look was last complete.");
    watch->done = metrics_counter("boxoffice_audit_looks_total", "outcome=\"done\"",
                                  "Looks of the audit at all databases.");
    watch->failed = metrics_counter("boxoffice_audit_looks_total", "outcome=\"failed\"",
                                    "Looks of the audit at all databases.");
    watch->duration =
        metrics_histogram("boxoffice_audit_duration_seconds", "", "How long a look took.", NULL, 0);
}

struct audit_watch *audit_watch_start(const struct audit_options *options, int64_t interval_ms,
                                      const char *report_file)
{
    struct audit_watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        abort();
    watch->options = *options;
    watch->interval_ms = interval_ms;
    watch->report_file = report_file;
    for (size_t i = 0; i < ARRAY_LEN(watch->looks); i++) {
        watch->looks[i].block = malloc(AUDIT_ARENA_SIZE);
        if (!watch->looks[i].block)
            abort();
        arena_init(&watch->looks[i].arena, watch->looks[i].block, AUDIT_ARENA_SIZE);
    }
    make_metrics(watch);
    watch->ticker = ticker_start(&(struct ticker_options){
        .name = "audit",
        .interval_ms = interval_ms,
        .timeout_ms = LOOK_TIMEOUT_MS,
        .arena_size = TICK_ARENA,
        .run = take_look,
        .self = watch,
    });
    ticker_wake(watch->ticker);
    return watch;
}

void audit_watch_stop(struct audit_watch **watch)
{
    if (!*watch)
        return;
    ticker_stop(&(*watch)->ticker);
    for (size_t i = 0; i < ARRAY_LEN((*watch)->looks); i++)
        free((*watch)->looks[i].block);
    free(*watch);
    *watch = NULL;
}

enum status audit_watch_check(struct ctx *ctx, void *self)
{
    struct audit_watch *watch = self;
    const int64_t done_us = atomic_load(&watch->done_us);
    const int64_t limit_us = (LATE_LOOKS * watch->interval_ms + GRACE_MS) * 1000;
    if (done_us == 0 || clock_monotonic_us() - done_us > limit_us)
        return ctx_fail(ctx, ST_UNAVAILABLE, "no complete look for too long");
    return ST_OK;
}
