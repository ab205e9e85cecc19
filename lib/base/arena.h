/* A bounded bump allocator: memory with the lifetime of one request. Nothing in it is freed alone;
 * a full arena is a refusal (NULL), never growth. One thread at a time. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdarg.h>

#include "base/macros.h"

struct arena {
    unsigned char *block; /* borrowed */
    size_t size;
    size_t used;
};

/* Uses `block` of `size` bytes, which the caller owns and keeps alive. */
void arena_init(struct arena *arena, void *block, size_t size);
/* Forgets everything allocated. */
void arena_reset(struct arena *arena);

/* Uninitialised memory, aligned for any object; NULL when the arena is full. */
void *arena_alloc(struct arena *arena, size_t size) MUST_CHECK;
/* Zeroed array of `count` objects of `size`; NULL when full or on overflow. */
void *arena_calloc(struct arena *arena, size_t count, size_t size) MUST_CHECK;
char *arena_strdup(struct arena *arena, const char *text) MUST_CHECK;
void *arena_memdup(struct arena *arena, const void *data, size_t size) MUST_CHECK;
char *arena_printf(struct arena *arena, const char *format, ...) MUST_CHECK PRINTF_LIKE(2, 3);

/* Everything allocated after a mark can be given back at once. */
size_t arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, size_t mark);

#endif
