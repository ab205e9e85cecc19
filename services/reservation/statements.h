/* What the statements of the store's files have in common. */
#ifndef RESERVATION_STATEMENTS_H
#define RESERVATION_STATEMENTS_H

#include <stdint.h>

/* A claim as every statement returns it: lapsed ones as EXPIRED, whatever the row still says. */
#define IS_PAST(row, now) row ".status IN ('HELD', 'PAYING') AND " row ".claim_until <= " now
#define EPOCH_MS(moment)  "floor(extract(epoch FROM " moment ") * 1000)::bigint"
/* clang-format off */
#define CLAIM(row, now) \
    row ".reservation_id, " row ".user_id, " row ".concert_id, " row ".date, " row ".seat_no, " \
    row ".price_won, " row ".currency," \
    " CASE WHEN " IS_PAST(row, now) " THEN 'EXPIRED' ELSE " row ".status END," \
    " CASE WHEN " row ".status IN ('HELD', 'PAYING') AND " row ".claim_until > " now \
    " THEN " EPOCH_MS(row ".claim_until") " ELSE 0 END, " \
    EPOCH_MS(row ".created_at") ", " row ".version, coalesce(" row ".payment_id::text, '')"
/* clang-format on */

/* A key is kept for 24 hours. */
#define IS_AGED "created_at <= statement_timestamp() - interval '24 hours'"

/* The lock of a date, and what keeps its statements in order. */
uint64_t claim_date_key(const char *concert_id, const char *date);

#endif
