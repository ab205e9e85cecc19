/* A store whose answers the test decides, and any of whose calls can fail. */
#ifndef FAKE_QUEUE_STORE_H
#define FAKE_QUEUE_STORE_H

#include "store.h"

enum { FAKE_LOOKS_MAX = 16 };

struct fake_store {
    int calls;
    int fail_at; /* the call that fails, 1 is the first; 0: none */
    enum status failure;

    struct place issued;
    bool created;
    enum place_status status; /* of every place looked at ... */
    int64_t position;
    bool expired;
    struct line_figures figures;

    /* what was asked */
    char looked_at[FAKE_LOOKS_MAX][LINE_NAME_MAX + 1];
    size_t look_sizes[FAKE_LOOKS_MAX];
    size_t look_count;
    bool was_present;
    char queue[LINE_NAME_MAX + 1];
    struct uuid user_id;
    struct uuid token_id;
    enum expire_reason reason;
    struct policy policy;
    int changes; /* calls that would have changed something */
};

extern struct fake_store fake_store;

#endif
