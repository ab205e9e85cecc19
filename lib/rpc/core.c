#include "rpc/core.h"

#include <grpc/support/log.h>
#include <grpc/support/time.h>
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "log/log.h"

/* Nothing of the core's own goes to the log but as a line of ours: whoever reads the log reads
 * JSON. What it calls an error may be any stranger's doing. */
static void log_of_core(gpr_log_func_args *line)
{
    const char *slash = strrchr(line->file, '/');
    log_line(LOG_WARN, NULL, "grpc: %s (%s:%d)", line->message,
             slash == NULL ? line->file : slash + 1, line->line);
}

/* absl::SetMutexDeadlockDetectionMode of the locks that the core uses. In Debian's build they look
 * for deadlocks with every lock taken, under one lock for the whole process: some 3 % of a call,
 * and an aid for those who change the core. Without this function (another build) nothing is lost.
 */
enum { DO_NOT_LOOK = 0 };
extern void look_for_deadlocks(int mode) __asm__(
    "_ZN4absl7debian329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE") __attribute__((weak));

void rpc_core_init(void)
{
    gpr_set_log_function(log_of_core);
    if (look_for_deadlocks != NULL)
        look_for_deadlocks(DO_NOT_LOOK);
    grpc_init();
}

#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#else
#define __tsan_acquire(address) (void)(address)
#define __tsan_release(address) (void)(address)
#endif

void rpc_give_tag(void *tag)
{
    __tsan_release(tag);
}

grpc_call_error rpc_start_batch(grpc_call *call, const grpc_op ops[], size_t count, void *tag)
{
    rpc_give_tag(tag);
    return grpc_call_start_batch(call, ops, count, tag, NULL);
}

grpc_event rpc_next_event(grpc_completion_queue *queue, gpr_timespec until)
{
    const grpc_event event = grpc_completion_queue_next(queue, until, NULL);
    if (event.type == GRPC_OP_COMPLETE)
        __tsan_acquire(event.tag);
    return event;
}

static bool handle(grpc_event event)
{
    if (event.type == GRPC_OP_COMPLETE) {
        const struct rpc_event *mine = event.tag;
        mine->fire(mine->self, event.success != 0);
    }
    return event.type != GRPC_QUEUE_SHUTDOWN;
}

const char *rpc_code_name(int code)
{
    static const char *const names[] = {
        "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
        "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
        "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
        "DataLoss", "Unauthenticated"};
    assert(code >= 0 && (size_t)code < ARRAY_LEN(names));
    return names[code];
}

void rpc_poll(grpc_completion_queue *queue)
{
    while (handle(rpc_next_event(queue, gpr_inf_future(GPR_CLOCK_MONOTONIC))))
        ;
}

void rpc_poll_until(grpc_completion_queue *queue, int64_t until_us)
{
    while (handle(rpc_next_event(queue, rpc_deadline(until_us))) && clock_monotonic_us() < until_us)
        ;
}

gpr_timespec rpc_deadline(int64_t deadline_us)
{
    if (deadline_us == CTX_NO_DEADLINE)
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    /* Relative: the core's monotonic clock need not start where ours does. */
    const int64_t left_us = deadline_us - clock_monotonic_us();
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_micros(left_us, GPR_TIMESPAN));
}

int64_t rpc_deadline_us(gpr_timespec deadline)
{
    const gpr_timespec there = gpr_convert_clock_type(deadline, GPR_CLOCK_MONOTONIC);
    if (gpr_time_cmp(there, gpr_inf_future(GPR_CLOCK_MONOTONIC)) == 0)
        return CTX_NO_DEADLINE;
    const gpr_timespec left = gpr_time_sub(there, gpr_now(GPR_CLOCK_MONOTONIC));
    const int64_t day_s = 24 * 60 * 60;
    if (left.tv_sec > 365 * day_s)
        return CTX_NO_DEADLINE;
    return clock_monotonic_us() + left.tv_sec * 1000000 + left.tv_nsec / 1000;
}

void rpc_copy_slice(char *to, size_t size, grpc_slice slice)
{
    const size_t length = GRPC_SLICE_LENGTH(slice) < size ? GRPC_SLICE_LENGTH(slice) : size - 1;
    memcpy(to, GRPC_SLICE_START_PTR(slice), length);
    to[length] = '\0';
}

void rpc_find_metadata(const grpc_metadata_array *metadata, const char *key, char *to, size_t size)
{
    to[0] = '\0';
    for (size_t i = 0; i < metadata->count; i++) {
        if (grpc_slice_str_cmp(metadata->metadata[i].key, key) == 0) {
            rpc_copy_slice(to, size, metadata->metadata[i].value);
            return;
        }
    }
}
