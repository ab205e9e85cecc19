#include "fake_catalog.h"

#include <check.h>
#include <pthread.h>
#include <string.h>

static struct fake_catalog fake;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool is_shut;
static size_t at_gate;

void fake_catalog_reset(void)
{
    pthread_mutex_lock(&lock);
    memset(&fake, 0, sizeof fake);
    is_shut = false;
    at_gate = 0;
    pthread_mutex_unlock(&lock);
}

void fake_catalog_change(void (*change)(struct fake_catalog *catalog, void *self), void *self)
{
    pthread_mutex_lock(&lock);
    change(&fake, self);
    pthread_mutex_unlock(&lock);
}

void fake_catalog_look(struct fake_catalog *ret_catalog)
{
    pthread_mutex_lock(&lock);
    *ret_catalog = fake;
    pthread_mutex_unlock(&lock);
}

void fake_catalog_shut_gate(void)
{
    pthread_mutex_lock(&lock);
    is_shut = true;
    pthread_mutex_unlock(&lock);
}

void fake_catalog_open_gate(void)
{
    pthread_mutex_lock(&lock);
    is_shut = false;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&lock);
}

size_t fake_catalog_at_gate(void)
{
    pthread_mutex_lock(&lock);
    const size_t count = at_gate;
    pthread_mutex_unlock(&lock);
    return count;
}

/* Locked from here on; ends the call when it is one that fails. */
static enum status begin(struct ctx *ctx)
{
    pthread_mutex_lock(&lock);
    if (++fake.calls != fake.fail_call)
        return ST_OK;
    const enum status status = fake.fail_status;
    pthread_mutex_unlock(&lock);
    return ctx_fail(ctx, status, "as told");
}

static enum status end(enum status status)
{
    pthread_mutex_unlock(&lock);
    return status;
}

static int find_concert(const char *concert_id)
{
    for (size_t i = 0; i < fake.concert_count; i++) {
        if (strcmp(fake.concerts[i].concert_id.text, concert_id) == 0)
            return (int)i;
    }
    return -1;
}

static int find_date(const char *date)
{
    for (size_t i = 0; i < fake.date_count; i++) {
        if (strcmp(fake.dates[i].date, date) == 0)
            return (int)i;
    }
    return -1;
}

enum status catalog_store_concerts(struct ctx *ctx, struct db *db, const char *after, size_t limit,
                                   struct catalog_concert **ret_concerts, size_t *ret_count)
{
    (void)db;
    TRY(begin(ctx));
    struct catalog_concert *list = arena_calloc(ctx->arena, limit, sizeof *list);
    size_t count = 0;
    ck_assert_ptr_nonnull(list);
    while (count < limit) { /* the next higher id each time */
        const struct catalog_concert *next = NULL;
        for (size_t i = 0; i < fake.concert_count; i++) {
            const char *id = fake.concerts[i].concert_id.text;
            if (strcmp(id, count > 0 ? list[count - 1].concert_id.text : after) > 0 &&
                (next == NULL || strcmp(id, next->concert_id.text) < 0))
                next = &fake.concerts[i];
        }
        if (next == NULL)
            break;
        list[count++] = *next;
    }
    *ret_concerts = list;
    *ret_count = count;
    return end(ST_OK);
}

enum status catalog_store_concert(struct ctx *ctx, struct db *db, const char *concert_id,
                                  struct catalog_concert *ret_concert)
{
    (void)db;
    TRY(begin(ctx));
    const int at = find_concert(concert_id);
    if (at < 0)
        return end(ST_CONCERT_NOT_FOUND);
    *ret_concert = fake.concerts[at];
    return end(ST_OK);
}

enum status catalog_store_dates(struct ctx *ctx, struct db *db, const char *concert_id,
                                const char *from, const char *through, size_t limit,
                                struct catalog_date **ret_dates, size_t *ret_count)
{
    (void)db;
    TRY(begin(ctx));
    fake.catalog_reads++;
    struct catalog_date *list = arena_calloc(ctx->arena, limit, sizeof *list);
    size_t count = 0;
    ck_assert_ptr_nonnull(list);
    for (size_t i = 0; i < fake.date_count && count < limit && find_concert(concert_id) == 0; i++) {
        if (strcmp(fake.dates[i].date, from) >= 0 &&
            (through[0] == '\0' || strcmp(fake.dates[i].date, through) <= 0))
            list[count++] = fake.dates[i];
    }
    *ret_dates = list;
    *ret_count = count;
    return end(ST_OK);
}

enum status catalog_store_find_dates(struct ctx *ctx, struct db *db, const char *concert_id,
                                     const struct catalog_date dates[], size_t count,
                                     struct catalog_date **ret_dates, size_t *ret_count)
{
    (void)db;
    (void)concert_id;
    TRY(begin(ctx));
    struct catalog_date *list = arena_calloc(ctx->arena, count, sizeof *list);
    size_t found = 0;
    ck_assert_ptr_nonnull(list);
    for (size_t i = 0; i < count; i++) {
        const int at = find_date(dates[i].date);
        if (at >= 0)
            list[found++] = fake.dates[at];
    }
    *ret_dates = list;
    *ret_count = found;
    return end(ST_OK);
}

enum status catalog_store_add(struct ctx *ctx, struct db *db, const struct catalog_concert *concert,
                              const struct catalog_date dates[], size_t count, bool *ret_created,
                              int64_t *ret_added)
{
    (void)db;
    TRY(begin(ctx));
    fake.writes++;
    *ret_created = find_concert(concert->concert_id.text) < 0;
    if (*ret_created)
        fake.concerts[fake.concert_count++] = *concert;
    *ret_added = 0;
    for (size_t i = 0; i < count; i++) {
        if (find_date(dates[i].date) >= 0)
            continue;
        fake.dates[fake.date_count++] = dates[i];
        (*ret_added)++;
    }
    return end(ST_OK);
}

enum status catalog_store_page_key(struct ctx *ctx, struct db *db, struct page_key *ret_key)
{
    (void)db;
    TRY(begin(ctx));
    *ret_key = (struct page_key){{9, 9, 9}};
    return end(ST_OK);
}

static bool is_known(const struct catalog_date dates[], size_t count,
                     const struct catalog_occupancy known[])
{
    for (size_t i = 0; i < count && known != NULL; i++) {
        if (known[i].version != fake.versions[find_date(dates[i].date)])
            return false;
    }
    return known != NULL;
}

enum status peer_occupancy(struct ctx *ctx, struct rpc_client *reservation, const char *concert_id,
                           const struct catalog_date dates[], size_t count,
                           const struct catalog_occupancy known[],
                           struct catalog_occupancy **ret_occupancies)
{
    (void)reservation;
    (void)concert_id;
    TRY(begin(ctx));
    fake.occupancy_asks++;
    *ret_occupancies = NULL;
    if (!is_known(dates, count, known)) {
        struct catalog_occupancy *list = arena_calloc(ctx->arena, count, sizeof *list);
        ck_assert_ptr_nonnull(list);
        for (size_t i = 0; i < count; i++) {
            const int at = find_date(dates[i].date);
            list[i].held = (struct catalog_bits){arena_memdup(ctx->arena, &fake.held[at], 1), 1};
            list[i].sold = (struct catalog_bits){arena_memdup(ctx->arena, &fake.sold[at], 1), 1};
            list[i].version = fake.versions[at];
        }
        fake.maps_given++;
        *ret_occupancies = list;
    }
    at_gate++;
    while (is_shut)
        pthread_cond_wait(&opened, &lock);
    at_gate--;
    const enum status status = fake.gate_status;
    fake.gate_status = ST_OK;
    return end(status);
}
