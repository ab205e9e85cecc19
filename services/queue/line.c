#include "line.h"

#include <assert.h>
#include <string.h>

static const char *const kind_names[] = {
    [POLICY_COUNTER] = "counter",
    [POLICY_GATE] = "gate",
    [POLICY_BOTH] = "both",
};

const char *policy_kind_name(enum policy_kind kind)
{
    assert((size_t)kind < ARRAY_LEN(kind_names));
    return kind_names[kind];
}

bool policy_kind_from_name(const char *name, enum policy_kind *ret_kind)
{
    for (size_t i = 0; i < ARRAY_LEN(kind_names); i++) {
        if (strcmp(kind_names[i], name) == 0) {
            *ret_kind = (enum policy_kind)i;
            return true;
        }
    }
    return false;
}

static void check_range(struct ctx *ctx, const char *pointer, int64_t value, int64_t min,
                        int64_t max)
{
    if (value < min || value > max)
        ctx_violate(ctx, pointer, "must be %lld to %lld", (long long)min, (long long)max);
}

enum status policy_check(struct ctx *ctx, const struct policy *policy)
{
    check_range(ctx, "/policy/capacity", policy->capacity, 1, POLICY_CAPACITY_MAX);
    check_range(ctx, "/policy/admit_batch", policy->admit_batch, 1, POLICY_BATCH_MAX);
    check_range(ctx, "/policy/admit_interval_ms", policy->admit_interval_ms, POLICY_INTERVAL_MS_MIN,
                POLICY_INTERVAL_MS_MAX);
    check_range(ctx, "/policy/active_ttl_ms", policy->active_ttl_ms, POLICY_TTL_MS_MIN,
                POLICY_TTL_MS_MAX);
    check_range(ctx, "/policy/absent_ms", policy->absent_ms, POLICY_ABSENT_MS_MIN,
                POLICY_ABSENT_MS_MAX);
    return ctx_checked(ctx);
}

static int64_t at_most(int64_t value, int64_t limit)
{
    return value < limit ? value : limit;
}

/* `count` things of which `each` come every `period_ms`. The bounds of policies and the cut keep it
 * from overflowing. */
static int64_t span_ms(int64_t count, int64_t each, int64_t period_ms)
{
    int64_t periods = (count - 1) / each + 1;
    return periods > LINE_WAIT_MS_MAX / period_ms ? LINE_WAIT_MS_MAX : periods * period_ms;
}

static int64_t counter_wait_ms(const struct line_figures *figures, int64_t position)
{
    if (figures->advance_rate_milli > 0) {
        int64_t million = 1000000;
        if (position > LINE_WAIT_MS_MAX / million * figures->advance_rate_milli)
            return LINE_WAIT_MS_MAX;
        return at_most(position * million / figures->advance_rate_milli, LINE_WAIT_MS_MAX);
    }
    return span_ms(position, figures->policy.capacity, figures->policy.active_ttl_ms);
}

int64_t line_estimate_wait_ms(const struct line_figures *figures, int64_t position)
{
    const struct policy *policy = &figures->policy;
    if (position <= 0)
        return 0;

    int64_t counter_ms = policy->kind == POLICY_GATE ? 0 : counter_wait_ms(figures, position);
    int64_t gate_ms = policy->kind == POLICY_COUNTER
                          ? 0
                          : span_ms(position, policy->admit_batch, policy->admit_interval_ms);
    return counter_ms > gate_ms ? counter_ms : gate_ms;
}

int64_t line_next_poll_ms(const struct line_figures *figures, const struct place *place,
                          uint64_t dice)
{
    if (place->status == PLACE_EXPIRED || place->status == PLACE_UNKNOWN)
        return 0;

    int64_t next_ms = LINE_POLL_MS_MAX;
    if (place->status == PLACE_WAITING)
        next_ms = at_most(line_estimate_wait_ms(figures, place->position) / 10, LINE_POLL_MS_MAX);
    if (next_ms < LINE_POLL_MS_MIN)
        next_ms = LINE_POLL_MS_MIN;
    next_ms -= (int64_t)(dice % 256) * next_ms / 5 / 256;
    /* Three polls fit into the time after which a silent user counts as absent. */
    return at_most(next_ms, figures->policy.absent_ms / 3);
}
