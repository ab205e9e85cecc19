#include "commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "config.h"
#include "peers.h"
#include "policy.h"
#include "session.h"

/* --- queue and policy --- */

static void print_figures(const char *name, const struct queue_figures *figures)
{
    const struct queue_policy *policy = &figures->policy;
    printf("queue %s\n", name);
    printf("  policy %s%s capacity=%" PRId64 " admit_batch=%" PRId64 " admit_interval_ms=%" PRId64
           " active_ttl_ms=%" PRId64 " absent_ms=%" PRId64 "\n",
           policy_kind_names[policy->kind], policy->paused ? " (paused)" : "", policy->capacity,
           policy->admit_batch, policy->admit_interval_ms, policy->active_ttl_ms,
           policy->absent_ms);
    printf("  waiting %" PRId64 ", active %" PRId64 ", oldest wait %" PRId64 " ms\n",
           figures->waiting, figures->active, figures->oldest_wait_ms);
    printf("  admitted %" PRId64 ", skipped %" PRId64 ", %" PRId64 ".%03" PRId64
           " admitted a second, last sequence %" PRId64 "\n",
           figures->admitted_total, figures->skipped_total, figures->admission_rate_milli / 1000,
           figures->admission_rate_milli % 1000, figures->last_sequence);
}

int command_queue(int argc, char **argv)
{
    if (argc != 1)
        return EXIT_USAGE;
    return command_policy(argc, argv);
}

int command_policy(int argc, char **argv)
{
    if (argc < 1)
        return EXIT_USAGE;

    struct session session;
    struct ctx ctx;
    struct queue_figures figures;
    if (!session_begin(&session, "queue", queue_peer_settings)) {
        session_done(&session);
        return EXIT_USAGE;
    }
    session_begin_call(&ctx, &session.arena, SESSION_CALL_MS);
    enum status status = peer_get_queue(&ctx, session.client, argv[0], &figures);
    for (int i = 1; i < argc && status == ST_OK; i++) {
        status = policy_apply(&figures.policy, argv[i]);
        if (status != ST_OK)
            ctx_violate(&ctx, argv[i], "is no kind of policy, pause, resume or member=number");
    }
    if (status == ST_OK && argc > 1)
        status = peer_set_policy(&ctx, session.client, argv[0], &figures.policy);
    if (status == ST_OK)
        print_figures(argv[0], &figures);
    int code = status == ST_OK ? EXIT_DONE : session_report(&ctx, argv[0], status);
    session_done(&session);
    return code;
}
