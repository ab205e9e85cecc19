#include "policy.h"

#include <stddef.h>
#include <string.h>

#include "base/checked.h"

const char *const policy_kind_names[POLICY_KIND_COUNT] = {
    [POLICY_COUNTER] = "counter",
    [POLICY_GATE] = "gate",
    [POLICY_BOTH] = "both",
};

static const struct {
    const char *name;
    size_t offset;
} members[] = {
    {"capacity=", offsetof(struct queue_policy, capacity)},
    {"admit_batch=", offsetof(struct queue_policy, admit_batch)},
    {"admit_interval_ms=", offsetof(struct queue_policy, admit_interval_ms)},
    {"active_ttl_ms=", offsetof(struct queue_policy, active_ttl_ms)},
    {"absent_ms=", offsetof(struct queue_policy, absent_ms)},
};

enum status policy_apply(struct queue_policy *policy, const char *word)
{
    if (strcmp(word, "pause") == 0 || strcmp(word, "resume") == 0) {
        policy->paused = word[0] == 'p';
        return ST_OK;
    }
    for (int kind = 0; kind < POLICY_KIND_COUNT; kind++) {
        if (strcmp(word, policy_kind_names[kind]) == 0) {
            policy->kind = kind;
            return ST_OK;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        size_t length = strlen(members[i].name);
        if (strncmp(word, members[i].name, length) != 0)
            continue;
        int64_t value;
        if (!base_parse_int64(word + length, &value))
            return ST_INVALID_REQUEST;
        memcpy((char *)policy + members[i].offset, &value, sizeof(value));
        return ST_OK;
    }
    return ST_INVALID_REQUEST;
}
