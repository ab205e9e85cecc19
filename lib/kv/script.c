#include "kv/script.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

void kv_scripts_init(struct kv_scripts *scripts)
{
    pthread_mutex_init(&scripts->mutex, NULL);
    atomic_init(&scripts->count, 0);
}

void kv_scripts_done(struct kv_scripts *scripts)
{
    pthread_mutex_destroy(&scripts->mutex);
}

static void format_hash(const char *lua, char ret_hash[static KV_HASH_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    int hashed = EVP_Digest(lua, strlen(lua), digest, &size, EVP_sha1(), NULL);
    assert(hashed == 1 && size == 20);
    for (size_t i = 0; i < size; i++)
        snprintf(ret_hash + 2 * i, 3, "%02x", (unsigned int)digest[i]);
}

static const char *find(struct kv_scripts *scripts, const struct kv_script *script)
{
    size_t count = atomic_load_explicit(&scripts->count, memory_order_acquire);
    for (size_t i = 0; i < count; i++) {
        if (scripts->rows[i].script == script)
            return scripts->rows[i].hash;
    }
    return NULL;
}

const char *kv_scripts_hash(struct kv_scripts *scripts, const struct kv_script *script)
{
    const char *known = find(scripts, script);
    if (known)
        return known;

    pthread_mutex_lock(&scripts->mutex);
    known = find(scripts, script);
    if (!known) {
        size_t row = atomic_load_explicit(&scripts->count, memory_order_relaxed);
        assert(row < KV_SCRIPTS_MAX);
        scripts->rows[row].script = script;
        format_hash(script->lua, scripts->rows[row].hash);
        known = scripts->rows[row].hash;
        atomic_store_explicit(&scripts->count, row + 1, memory_order_release);
    }
    pthread_mutex_unlock(&scripts->mutex);
    return known;
}
