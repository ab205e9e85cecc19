/* The hashes of scripts. Private to lib/kv. */
#ifndef KV_SCRIPT_H
#define KV_SCRIPT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "kv/kv.h"

enum { KV_SCRIPTS_MAX = 64, KV_HASH_SIZE = 41 };

/* Append-only: readers look at the first `count` rows without a lock. */
struct kv_scripts {
    pthread_mutex_t mutex;
    atomic_size_t count;
    struct {
        const struct kv_script *script;
        char hash[KV_HASH_SIZE];
    } rows[KV_SCRIPTS_MAX];
};

void kv_scripts_init(struct kv_scripts *scripts);
void kv_scripts_done(struct kv_scripts *scripts);

/* The SHA-1 of the script's text in hex, as EVALSHA wants it; computed once a script object. Lives
 * as long as `scripts`. More than KV_SCRIPTS_MAX different objects are a programmer error
 * (asserted). */
const char *kv_scripts_hash(struct kv_scripts *scripts, const struct kv_script *script);

#endif
