#include "fake_seats.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "fake_reservation_store.h"
#include "occupancy.h"

enum { LOG_MAX = 20000, LIST_MAX = 32 * 1024 };

static struct {
    pthread_mutex_t mutex;
    enum status failure;
    int maps, changes;
    int64_t version;
    size_t count;
    struct {
        char date[CLOCK_DATE_SIZE];
        int64_t version, seat_no;
        enum seat_state state;
    } log[LOG_MAX];
} fake = {.mutex = PTHREAD_MUTEX_INITIALIZER};

void fake_seats_reset(void)
{
    pthread_mutex_lock(&fake.mutex);
    fake.failure = ST_OK;
    fake.maps = fake.changes = 0;
    fake.version = 0;
    fake.count = 0;
    pthread_mutex_unlock(&fake.mutex);
}

static void add(const char *date, int64_t seat_no, enum seat_state state)
{
    ck_assert_uint_lt(fake.count, LOG_MAX);
    base_copy_text(fake.log[fake.count].date, CLOCK_DATE_SIZE, date);
    fake.log[fake.count].version = fake.version;
    fake.log[fake.count].seat_no = seat_no;
    fake.log[fake.count].state = state;
    fake.count++;
}

int64_t fake_seats_set(const char *date, int64_t seat_no, enum seat_state state)
{
    pthread_mutex_lock(&fake.mutex);
    fake.version++;
    add(date, seat_no, state);
    const int64_t version = fake.version;
    pthread_mutex_unlock(&fake.mutex);
    return version;
}

int64_t fake_seats_set_all(const char *date, int64_t last, enum seat_state state)
{
    pthread_mutex_lock(&fake.mutex);
    fake.version++;
    for (int64_t seat_no = 1; seat_no <= last; seat_no++)
        add(date, seat_no, state);
    const int64_t version = fake.version;
    pthread_mutex_unlock(&fake.mutex);
    return version;
}

void fake_seats_fail(enum status status)
{
    pthread_mutex_lock(&fake.mutex);
    fake.failure = status;
    pthread_mutex_unlock(&fake.mutex);
}

static int read_count(const int *count)
{
    pthread_mutex_lock(&fake.mutex);
    const int value = *count;
    pthread_mutex_unlock(&fake.mutex);
    return value;
}

int fake_seats_maps_asked(void)
{
    return read_count(&fake.maps);
}

int fake_seats_changes_asked(void)
{
    return read_count(&fake.changes);
}

/* The seats of a date that changed after `since` and are in that state now, as a list. */
static const char *list_of(struct ctx *ctx, const char *date, int64_t since, enum seat_state state,
                           int64_t *ret_version)
{
    static int latest[CLAIM_SEATS_MAX + 1];
    char *text = arena_calloc(ctx->arena, 1, LIST_MAX);
    size_t length = 0;
    ck_assert_ptr_nonnull(text);
    memset(latest, -1, sizeof latest);
    for (size_t i = 0; i < fake.count; i++) {
        if (strcmp(fake.log[i].date, date) != 0 || fake.log[i].version <= since)
            continue;
        latest[fake.log[i].seat_no] = (int)fake.log[i].state;
        *ret_version = fake.log[i].version;
    }
    for (int seat_no = 1; seat_no <= CLAIM_SEATS_MAX; seat_no++) {
        if (latest[seat_no] == (int)state)
            length += (size_t)snprintf(text + length, LIST_MAX - length, "%s%d",
                                       length == 0 ? "" : ",", seat_no);
    }
    return text;
}

enum status claim_store_changes(struct ctx *ctx, struct db *db, const struct changes_since dates[],
                                size_t count, struct changes **ret_changes, size_t *ret_count)
{
    (void)db;
    pthread_mutex_lock(&fake.mutex);
    fake.changes++;
    const enum status status = fake.failure;
    struct changes *changes = arena_calloc(ctx->arena, count, sizeof *changes);
    size_t used = 0;
    for (size_t i = 0; i < count && status == ST_OK; i++) {
        int64_t version = dates[i].version;
        struct seat_news *news = &changes[used].news;
        news->freed = list_of(ctx, dates[i].date, dates[i].version, SEAT_FREE, &version);
        news->held = list_of(ctx, dates[i].date, dates[i].version, SEAT_HELD, &version);
        news->sold = list_of(ctx, dates[i].date, dates[i].version, SEAT_SOLD, &version);
        news->version = version;
        changes[used].asked = i;
        used += version > dates[i].version;
    }
    pthread_mutex_unlock(&fake.mutex);
    *ret_changes = changes;
    *ret_count = used;
    return status;
}

enum status claim_store_occupancy(struct ctx *ctx, struct db *db, const char *concert_id,
                                  const char *const dates[], size_t count,
                                  struct claim_occupancy **ret_occupancies)
{
    (void)db;
    (void)concert_id;
    TRY(fake_store_call(ctx));
    pthread_mutex_lock(&fake.mutex);
    fake.maps++;
    const enum status status = fake.failure;
    struct claim_occupancy *list = arena_calloc(ctx->arena, count, sizeof *list);
    ck_assert_ptr_nonnull(list);
    for (size_t i = 0; i < count; i++) {
        int64_t version = 9;
        const char *held = fake_store.held, *sold = fake_store.sold; /* one answer for all dates */
        if (held == NULL) {
            version = 0;
            held = list_of(ctx, dates[i], 0, SEAT_HELD, &version);
            sold = list_of(ctx, dates[i], 0, SEAT_SOLD, &version);
        }
        list[i].date = dates[i];
        ck_assert(seat_map_load(&list[i].map, held, sold, version));
    }
    pthread_mutex_unlock(&fake.mutex);
    *ret_occupancies = list;
    return status;
}

enum status claim_store_versions(struct ctx *ctx, struct db *db, const char *concert_id,
                                 const char *const dates[], size_t count, int64_t **ret_versions)
{
    (void)db;
    (void)concert_id;
    (void)dates;
    TRY(fake_store_call(ctx));
    int64_t *versions = arena_calloc(ctx->arena, count, sizeof *versions);
    ck_assert_ptr_nonnull(versions);
    for (size_t i = 0; i < count; i++)
        versions[i] = 9;
    *ret_versions = versions;
    return ST_OK;
}
