/* Random and mutated input, the same for the same seed, so that what was found can be found again:
 * FUZZ_SEED (1) and FUZZ_ROUNDS (each program's own number) of the environment. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

struct fuzz {
    uint64_t state;
};

/* Names the seed on standard output. */
void fuzz_init(struct fuzz *fuzz);
/* FUZZ_ROUNDS, or `fallback`. */
size_t fuzz_rounds(size_t fallback);
/* 0 to below - 1; below is 1 or more. */
size_t fuzz_below(struct fuzz *fuzz, size_t below);
uint64_t fuzz_bits(struct fuzz *fuzz);
void fuzz_bytes(struct fuzz *fuzz, uint8_t *bytes, size_t size);
/* Changes `size` bytes of a buffer of `capacity` in one to four places: bits, bytes, pieces taken
 * out, put in, doubled, cut off. Returns the new size, at most capacity. */
size_t fuzz_mutate(struct fuzz *fuzz, uint8_t *bytes, size_t size, size_t capacity);
/* The same for text: no NUL comes in; `capacity` counts the NUL at the end. */
void fuzz_mutate_text(struct fuzz *fuzz, char *text, size_t capacity);

#endif
