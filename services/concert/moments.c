#include "moments.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/checked.h"
#include "base/uuid.h"
#include "metrics/metrics.h"
#include "store.h"

enum {
    KEY_SIZE = UUID_TEXT_SIZE + 2 * CLOCK_DATE_SIZE,
    FLIGHT_ARENA = 4 * 1024 * 1024, /* fits CATALOG_DATES_MAX dates of CATALOG_SEATS_MAX seats */
};

/* One question and its newest answer. A flight is one asking: whoever finds none in the air flies,
 * the others wait for its landing. */
struct entry {
    char key[KEY_SIZE]; /* "": unused */
    uint64_t hash;
    struct moment *latest;  /* NULL: none */
    int64_t proven_us;      /* it holds all that was committed before this */
    int64_t not_before_us;  /* a catalog read earlier is forgotten */
    int64_t next_flight_us; /* not before, so that a crowd gathers */
    int64_t used_us;
    bool is_flying;
    uint64_t landings;
    enum status landed_with;
    size_t waiting;
};

struct moments {
    struct db *db;
    struct rpc_client *reservation;
    struct metrics_counter *flights, *reads;
    pthread_mutex_t lock;
    pthread_cond_t landed;
    size_t bytes;
    struct entry entries[MOMENTS_MAX];
};

struct moments *moments_new(struct db *db, struct rpc_client *reservation)
{
    struct moments *moments = calloc(1, sizeof *moments);
    if (moments == NULL)
        abort();
    moments->db = db;
    moments->reservation = reservation;
    moments->reads =
        metrics_counter("boxoffice_seat_reads_total", "", "Readers who were shown dates or seats.");
    moments->flights = metrics_counter("boxoffice_seat_flights_total", "",
                                       "Times the store was asked for what readers are shown.");
    pthread_mutex_init(&moments->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&moments->landed, &attributes);
    pthread_condattr_destroy(&attributes);
    return moments;
}

/* --- a moment --- */

/* References are counted without the cache's lock, as a reader may outlive its entry. */
static struct moment *acquire(struct moment *moment)
{
    __atomic_add_fetch(&moment->references, 1, __ATOMIC_RELAXED);
    return moment;
}

void moment_release(struct moment **moment)
{
    struct moment *old = *moment;
    *moment = NULL;
    if (old != NULL && __atomic_sub_fetch(&old->references, 1, __ATOMIC_ACQ_REL) == 0)
        free(old);
}

/* Two lanes of FNV-1a: names a content, keeps no secret. */
struct digest {
    uint64_t one, two;
};

static void digest_add(struct digest *digest, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) {
        digest->one = (digest->one ^ bytes[i]) * UINT64_C(0x100000001b3);
        digest->two = (digest->two ^ bytes[i]) * UINT64_C(0x9e3779b97f4a7c15);
        digest->two ^= digest->two >> 29;
    }
}

static void name_content(struct moment *moment)
{
    struct digest digest = {UINT64_C(0xcbf29ce484222325), UINT64_C(0x84222325cbf29ce4)};
    for (size_t i = 0; i < moment->date_count; i++) {
        const struct catalog_date *date = &moment->dates[i];
        const struct catalog_occupancy *seats = &moment->occupancies[i];
        const int64_t numbers[] = {
            date->starts_at_unix_ms,   date->seats_total,         seats->version,
            (int64_t)date->tier_count, (int64_t)seats->held.size, (int64_t)seats->sold.size};
        digest_add(&digest, date->date, sizeof date->date);
        digest_add(&digest, numbers, sizeof numbers);
        digest_add(&digest, date->tiers, date->tier_count * sizeof date->tiers[0]);
        digest_add(&digest, seats->held.bytes, seats->held.size);
        digest_add(&digest, seats->sold.bytes, seats->sold.size);
    }
    snprintf(moment->etag, sizeof moment->etag, "%016llx%016llx", (unsigned long long)digest.one,
             (unsigned long long)digest.two);
}

static struct catalog_bits keep_bits(struct catalog_bits bits, uint8_t **room)
{
    struct catalog_bits kept = {.bytes = *room, .size = bits.size};
    if (bits.size > 0)
        memcpy(*room, bits.bytes, bits.size);
    *room += bits.size;
    return kept;
}

/* One block for all of it. */
static struct moment *make_moment(const char *queue, const struct catalog_date dates[],
                                  const struct catalog_occupancy occupancies[], size_t count,
                                  int64_t read_us)
{
    size_t size = sizeof(struct moment) +
                  count * (sizeof(struct catalog_date) + sizeof(struct catalog_occupancy));
    for (size_t i = 0; i < count; i++)
        size += occupancies[i].held.size + occupancies[i].sold.size;
    struct moment *moment = malloc(size);
    if (moment == NULL)
        return NULL;
    struct catalog_date *kept_dates = (struct catalog_date *)(moment + 1);
    struct catalog_occupancy *kept = (struct catalog_occupancy *)(kept_dates + count);
    uint8_t *room = (uint8_t *)(kept + count);
    *moment = (struct moment){.date_count = count,
                              .dates = kept_dates,
                              .occupancies = kept,
                              .references = 1,
                              .read_us = read_us,
                              .size = size};
    base_copy_text(moment->queue, sizeof moment->queue, queue);
    if (count > 0)
        memcpy(kept_dates, dates, count * sizeof *dates);
    for (size_t i = 0; i < count; i++)
        kept[i] = (struct catalog_occupancy){.held = keep_bits(occupancies[i].held, &room),
                                             .sold = keep_bits(occupancies[i].sold, &room),
                                             .version = occupancies[i].version};
    name_content(moment);
    return moment;
}

/* Everything anew. */
static enum status read_all(struct ctx *ctx, const struct moments *moments,
                            const struct moment_question *question, struct moment **ret_moment)
{
    const int64_t read_us = clock_monotonic_us();
    struct catalog_concert concert;
    struct catalog_date *dates;
    struct catalog_occupancy *occupancies;
    size_t count;
    TRY(catalog_store_concert(ctx, moments->db, question->concert_id, &concert));
    TRY(catalog_store_dates(ctx, moments->db, question->concert_id, question->from,
                            question->through, question->dates_max, &dates, &count));
    TRY(peer_occupancy(ctx, moments->reservation, question->concert_id, dates, count, NULL,
                       &occupancies));
    *ret_moment = make_moment(concert.queue, dates, occupancies, count, read_us);
    return *ret_moment != NULL ? ST_OK : ctx_fail(ctx, ST_OVERLOADED, "no memory for a moment");
}

/* The seats alone, and not even those while nothing has changed. */
static enum status read_changes(struct ctx *ctx, const struct moments *moments,
                                const struct moment_question *question, struct moment *known,
                                struct moment **ret_moment)
{
    struct catalog_occupancy *occupancies;
    TRY(peer_occupancy(ctx, moments->reservation, question->concert_id, known->dates,
                       known->date_count, known->occupancies, &occupancies));
    *ret_moment = occupancies == NULL ? acquire(known)
                                      : make_moment(known->queue, known->dates, occupancies,
                                                    known->date_count, known->read_us);
    return *ret_moment != NULL ? ST_OK : ctx_fail(ctx, ST_OVERLOADED, "no memory for a moment");
}

/* In memory of its own: the caller's arena is for its answer. `known` may be NULL. */
static enum status fly(struct ctx *ctx, const struct moments *moments,
                       const struct moment_question *question, struct moment *known,
                       struct moment **ret_moment)
{
    void *block = malloc(FLIGHT_ARENA);
    if (block == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "no memory to ask in");
    struct arena own, *callers = ctx->arena;
    arena_init(&own, block, FLIGHT_ARENA);
    ctx->arena = &own;
    const enum status status = known == NULL
                                   ? read_all(ctx, moments, question, ret_moment)
                                   : read_changes(ctx, moments, question, known, ret_moment);
    ctx->arena = callers;
    free(block);
    metrics_add(moments->flights, 1);
    return status;
}

/* --- entries; all under the lock --- */

static void drop(struct moments *moments, struct entry *entry)
{
    if (entry->latest == NULL)
        return;
    moments->bytes -= entry->latest->size;
    moment_release(&entry->latest);
}

static bool is_busy(const struct entry *entry)
{
    return entry->is_flying || entry->waiting > 0;
}

/* The entry of a key, or the one longest unused made it; NULL when all are busy. */
static struct entry *find(struct moments *moments, const char *key)
{
    const uint64_t hash = base_hash64(key);
    struct entry *oldest = NULL;
    for (size_t i = 0; i < MOMENTS_MAX; i++) {
        struct entry *entry = &moments->entries[i];
        if (entry->hash == hash && strcmp(entry->key, key) == 0)
            return entry;
        if (!is_busy(entry) && (oldest == NULL || entry->used_us < oldest->used_us))
            oldest = entry;
    }
    if (oldest == NULL)
        return NULL;
    drop(moments, oldest);
    *oldest = (struct entry){.hash = hash};
    memcpy(oldest->key, key, strlen(key) + 1);
    return oldest;
}

static void drop_oldest(struct moments *moments)
{
    struct entry *oldest = &moments->entries[0];
    for (size_t i = 1; i < MOMENTS_MAX; i++) {
        struct entry *entry = &moments->entries[i];
        if (entry->latest != NULL && (oldest->latest == NULL || entry->used_us < oldest->used_us))
            oldest = entry;
    }
    drop(moments, oldest);
}

static void keep(struct moments *moments, struct entry *entry, struct moment *moment)
{
    drop(moments, entry);
    entry->latest = acquire(moment);
    moments->bytes += moment->size;
    while (moments->bytes > MOMENTS_BYTES_MAX)
        drop_oldest(moments);
}

/* Waits for the flight in the air, or for the moment when the next may start; false when the
 * deadline came first. */
static bool wait_for(struct moments *moments, struct entry *entry, int64_t until_us,
                     int64_t deadline_us)
{
    const int64_t at_us = until_us < deadline_us ? until_us : deadline_us;
    const struct timespec at = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};
    const uint64_t landings = entry->landings;
    entry->waiting++;
    while (entry->landings == landings && clock_monotonic_us() < at_us) {
        if (at_us == CTX_NO_DEADLINE)
            pthread_cond_wait(&moments->landed, &moments->lock);
        else
            pthread_cond_timedwait(&moments->landed, &moments->lock, &at);
    }
    entry->waiting--;
    return entry->landings != landings || at_us != deadline_us;
}

/* What a flight may build on; NULL when all must be read. The caller's to release. */
static struct moment *known_of(struct entry *entry, int64_t now_us)
{
    struct moment *latest = entry->latest;
    const bool is_young = latest != NULL && latest->read_us >= entry->not_before_us &&
                          now_us - latest->read_us < (int64_t)MOMENT_KEEP_MS * 1000;
    return is_young ? acquire(latest) : NULL;
}

/* Flies for everybody; called with the lock, and returns with it. */
static enum status lead(struct ctx *ctx, struct moments *moments, struct entry *entry,
                        const struct moment_question *question, struct moment **ret_moment)
{
    const int64_t now_us = clock_monotonic_us();
    struct moment *known = known_of(entry, now_us);
    entry->is_flying = true;
    entry->next_flight_us = now_us + (int64_t)MOMENT_SPACE_MS * 1000;
    pthread_mutex_unlock(&moments->lock);
    const enum status status = fly(ctx, moments, question, known, ret_moment);
    moment_release(&known);
    pthread_mutex_lock(&moments->lock);
    entry->is_flying = false;
    entry->landed_with = status;
    entry->landings++;
    if (status == ST_OK) {
        keep(moments, entry, *ret_moment);
        entry->proven_us = now_us;
    }
    pthread_cond_broadcast(&moments->landed);
    return status;
}

static bool is_good(const struct entry *entry, int64_t arrived_us)
{
    return entry->latest != NULL && entry->latest->read_us >= entry->not_before_us &&
           entry->proven_us >= arrived_us;
}

/* With the lock. A flight that was in the air when the question came may be too old for it; the
 * next one is not. */
static enum status see(struct ctx *ctx, struct moments *moments, struct entry *entry,
                       const struct moment_question *question, struct moment **ret_moment)
{
    const int64_t arrived_us = clock_monotonic_us();
    entry->used_us = arrived_us;
    for (;;) {
        if (is_good(entry, arrived_us)) {
            *ret_moment = acquire(entry->latest);
            return ST_OK;
        }
        if (!entry->is_flying && clock_monotonic_us() >= entry->next_flight_us)
            return lead(ctx, moments, entry, question, ret_moment);
        const uint64_t landings = entry->landings;
        const int64_t until_us = entry->is_flying ? CTX_NO_DEADLINE : entry->next_flight_us;
        if (!wait_for(moments, entry, until_us, ctx->deadline_us))
            return ctx_fail(ctx, ST_TIMEOUT, "deadline while another reader asked");
        /* A leader's own deadline is nobody else's failure. */
        if (entry->landings != landings && entry->landed_with != ST_OK &&
            entry->landed_with != ST_TIMEOUT)
            return ctx_fail(ctx, entry->landed_with, "as another reader was told");
    }
}

enum status moments_see(struct ctx *ctx, struct moments *moments,
                        const struct moment_question *question, struct moment **ret_moment)
{
    char key[KEY_SIZE];
    snprintf(key, sizeof key, "%s/%s/%s", question->concert_id, question->from, question->through);
    metrics_add(moments->reads, 1);
    pthread_mutex_lock(&moments->lock);
    struct entry *entry = find(moments, key);
    enum status status = ST_OK;
    if (entry != NULL)
        status = see(ctx, moments, entry, question, ret_moment);
    pthread_mutex_unlock(&moments->lock);
    return entry != NULL ? status : fly(ctx, moments, question, NULL, ret_moment);
}

void moments_forget(struct moments *moments, const char *concert_id)
{
    pthread_mutex_lock(&moments->lock);
    for (size_t i = 0; i < MOMENTS_MAX; i++) {
        struct entry *entry = &moments->entries[i];
        if (strncmp(entry->key, concert_id, UUID_TEXT_SIZE - 1) == 0)
            entry->not_before_us = clock_monotonic_us();
    }
    pthread_mutex_unlock(&moments->lock);
}

void moments_free(struct moments **moments)
{
    if (*moments == NULL)
        return;
    for (size_t i = 0; i < MOMENTS_MAX; i++) {
        assert(!is_busy(&(*moments)->entries[i]));
        drop(*moments, &(*moments)->entries[i]);
    }
    pthread_cond_destroy(&(*moments)->landed);
    pthread_mutex_destroy(&(*moments)->lock);
    free(*moments);
    *moments = NULL;
}
