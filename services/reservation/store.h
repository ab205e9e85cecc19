/* Claims in PostgreSQL. Every writer of a date's claims runs under that date's lock, so it sees all
 * that others committed; the unique indexes are the last truth (docs/decisions/0001, 0002). Expiry
 * is judged by the database's clock in every statement. */
#ifndef RESERVATION_STORE_H
#define RESERVATION_STORE_H

#include <stddef.h>

#include "base/ctx.h"
#include "claim.h"
#include "token/page.h"

struct db;
struct db_statement;

struct claim_wish {
    const char *user_id, *concert_id, *date;
    int64_t seat_no, price_won, hold_ttl_ms;
    const char *token_id, *queue;
    const char *idempotency_key; /* "" for none */
};

/* The statement behind claim_store_reserve; bench/ runs it by pgbench as well. */
extern const struct db_statement claim_hold_statement;

/* ST_SEAT_HELD, ST_SEAT_SOLD, ST_ONE_SEAT_PER_DATE, ST_IDEMPOTENCY_KEY_REUSED. */
enum status claim_store_reserve(struct ctx *ctx, struct db *db, const struct claim_wish *wish,
                                struct claim *ret_claim, bool *ret_replayed) MUST_CHECK;

/* ST_RESERVATION_NOT_FOUND; a claim past its time is shown EXPIRED. */
enum status claim_store_get(struct ctx *ctx, struct db *db, const char *reservation_id,
                            struct claim *ret_claim) MUST_CHECK;
/* Newest first, those before reservation `before` ("" for the first page); *ret_claims in the
 * arena. */
enum status claim_store_list(struct ctx *ctx, struct db *db, const char *user_id,
                             const char *before, size_t limit, struct claim **ret_claims,
                             size_t *ret_count) MUST_CHECK;

/* What page tokens are signed with, the same for all instances. */
enum status claim_store_page_key(struct ctx *ctx, struct db *db,
                                 struct page_key *ret_key) MUST_CHECK;

/* Moves a claim if it is still as the event needs it: *ret_moved tells. ret_claim is written when
 * it moved. */
struct claim_move {
    enum claim_event event;    /* CLAIM_BEGIN, CLAIM_CONFIRM, CLAIM_RELEASE, CLAIM_CANCEL */
    const struct claim *claim; /* as loaded: its id and date */
    const char *payment_id;    /* "" for CLAIM_CANCEL */
    int64_t lease_ms;          /* of CLAIM_BEGIN */
};
enum status claim_store_move(struct ctx *ctx, struct db *db, const struct claim_move *move,
                             struct claim *ret_claim, bool *ret_moved) MUST_CHECK;

/* Tidies claims past their time on at most `dates_max` dates; *ret_count is how many. */
enum status claim_store_sweep(struct ctx *ctx, struct db *db, int64_t dates_max,
                              int64_t *ret_count) MUST_CHECK;
/* The same for idempotency keys older than 24 hours, which count for nothing any more. */
enum status claim_store_forget_keys(struct ctx *ctx, struct db *db, int64_t dates_max,
                                    int64_t *ret_count) MUST_CHECK;

#endif
