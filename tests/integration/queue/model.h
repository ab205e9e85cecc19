/* The line as it should be, in plain C: what line.lua does, without Redis. Time is told to it: a
 * user is absent, or due to lapse, when the test says so. */
#ifndef QUEUE_MODEL_H
#define QUEUE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "line.h"

enum { MODEL_USERS = 24 };

enum model_state { MODEL_NONE, MODEL_WAITING, MODEL_ACTIVE, MODEL_SKIPPED };

struct model_user {
    enum model_state state;
    int64_t sequence;
    bool is_absent; /* no sign of life for longer than absent_ms */
    bool is_due;    /* active, or skipped, for longer than allowed */
};

struct model {
    struct model_user users[MODEL_USERS];
    struct policy policy;
    int64_t last_sequence;
    int64_t admitted;
    int64_t skipped;
    int64_t used;        /* by the gate, in this interval */
    bool is_interval_on; /* false: the gate's interval is over */
};

/* The operations; each ends what is due and admits whom it may, as every call of line.lua does. */
bool model_join(struct model *model, int user); /* whether a place was made */
void model_poll(struct model *model, int user);
bool model_end(struct model *model, int user); /* whether there was a place */
void model_set_policy(struct model *model, const struct policy *policy);
void model_tick(struct model *model);

int64_t model_count(const struct model *model, enum model_state state);
/* 1 for the next one; as a user sees it, skipped or not. */
int64_t model_position(const struct model *model, int user);

#endif
