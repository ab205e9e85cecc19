#include "fake_reservation_store.h"

#include <check.h>

#include "base/checked.h"

struct fake_reservation_store fake_store;

enum status fake_store_call(struct ctx *ctx)
{
    if (++fake_store.calls == fake_store.fail_call)
        return ctx_fail(ctx, fake_store.fail_status, "as told");
    return ST_OK;
}

enum status claim_catalog_date(struct ctx *ctx, struct claim_catalog *catalog,
                               const char *concert_id, const char *date,
                               struct claim_date *ret_date)
{
    (void)catalog;
    (void)concert_id;
    (void)date;
    TRY(fake_store_call(ctx));
    *ret_date = fake_store.date;
    return ST_OK;
}

enum status claim_store_reserve(struct ctx *ctx, struct db *db, const struct claim_wish *wish,
                                struct claim *ret_claim, bool *ret_replayed)
{
    (void)db;
    TRY(fake_store_call(ctx));
    fake_store.wish = *wish;
    if (fake_store.reserve_answer != ST_OK)
        return fake_store.reserve_answer;
    if (!fake_store.replayed)
        fake_store.effects++;
    *ret_replayed = fake_store.replayed;
    *ret_claim = fake_store.claim;
    return ST_OK;
}

enum status claim_store_get(struct ctx *ctx, struct db *db, const char *reservation_id,
                            struct claim *ret_claim)
{
    (void)db;
    TRY(fake_store_call(ctx));
    ck_assert_str_eq(reservation_id, fake_store.claim.reservation_id.text);
    *ret_claim = fake_store.claim;
    return ST_OK;
}

enum status claim_store_list(struct ctx *ctx, struct db *db, const char *user_id,
                             const char *before, size_t limit, struct claim **ret_claims,
                             size_t *ret_count)
{
    (void)db;
    (void)user_id;
    TRY(fake_store_call(ctx));
    base_copy_text(fake_store.before, sizeof fake_store.before, before);
    fake_store.limit = limit;
    *ret_claims = fake_store.list;
    *ret_count = fake_store.list_count < limit ? fake_store.list_count : limit;
    return ST_OK;
}

const struct page_key fake_page_key = {{7, 7, 7}};

enum status claim_store_page_key(struct ctx *ctx, struct db *db, struct page_key *ret_key)
{
    (void)db;
    TRY(fake_store_call(ctx));
    *ret_key = fake_page_key;
    return ST_OK;
}

enum status claim_store_move(struct ctx *ctx, struct db *db, const struct claim_move *move,
                             struct claim *ret_claim, bool *ret_moved)
{
    (void)db;
    TRY(fake_store_call(ctx));
    fake_store.move = *move;
    *ret_moved = false;
    if (fake_store.lost_moves > 0) {
        fake_store.lost_moves--;
        fake_store.claim.status = fake_store.becomes;
        return ST_OK;
    }
    struct claim next = fake_store.claim;
    ck_assert(claim_next(next.status, move->event, &next.status));
    next.version++;
    fake_store.claim = *ret_claim = next;
    fake_store.effects++;
    *ret_moved = true;
    return ST_OK;
}
