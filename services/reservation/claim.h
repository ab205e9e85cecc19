/* A claim on a seat: its states, and what may be asked of it. Pure rules; time is decided by the
 * database, which shows a claim past its time as EXPIRED. */
#ifndef RESERVATION_CLAIM_H
#define RESERVATION_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/macros.h"
#include "base/status.h"
#include "base/uuid.h"

enum {
    CLAIM_SEATS_MAX = 5000,
    CLAIM_QUEUE_MAX = 64,
    CLAIM_KEY_MAX = 128,
    CLAIM_LEASE_MS_MAX = 300000, /* one BeginPayment asks for at most this */
    CLAIM_PAGE_DEFAULT = 20,
    CLAIM_PAGE_MAX = 100,
    CLAIM_DATES_MAX = 400, /* of one GetOccupancy */
};

/*
 *            reserve
 *               |
 *               v   begin            confirm
 *    cancel   HELD --------> PAYING ---------> CONFIRMED
 *   <-------  |  ^            |  |
 * CANCELLED   |  |  release   |  | lapse (lease over), release after the hold's end
 *       lapse |  +------------+  |
 *             v                  v
 *           EXPIRED <------------+
 */
enum claim_status { CLAIM_HELD, CLAIM_PAYING, CLAIM_CONFIRMED, CLAIM_EXPIRED, CLAIM_CANCELLED };
enum { CLAIM_STATUS_COUNT = CLAIM_CANCELLED + 1 };
enum claim_event { CLAIM_BEGIN, CLAIM_CONFIRM, CLAIM_RELEASE, CLAIM_CANCEL, CLAIM_LAPSE };

struct claim {
    struct uuid reservation_id;
    struct uuid user_id;
    struct uuid concert_id;
    char date[CLOCK_DATE_SIZE];
    int64_t seat_no;
    int64_t price_won;
    char currency[4];
    enum claim_status status;
    int64_t held_until_unix_ms; /* 0 unless HELD or PAYING */
    int64_t created_at_unix_ms;
    int64_t version;
    struct uuid payment_id; /* that began last, also after it released; "" when none did */
};

/* "HELD", as stored. */
const char *claim_status_name(enum claim_status status);
bool claim_status_from_name(const char *name, enum claim_status *ret_status);

/* The state after an event, by the diagram; false when there is no such arrow. */
bool claim_next(enum claim_status from, enum claim_event event, enum claim_status *ret_to);

/* What a request means for a claim as it is: ST_OK when the store may move it, or when it is a
 * repeat of what was done (*ret_repeat); else the refusal. payment_id is the asking payment's, NULL
 * for a cancel. */
enum status claim_judge(const struct claim *claim, enum claim_event event, const char *payment_id,
                        bool *ret_repeat) MUST_CHECK;

/* A price list's answer for one seat. */
struct claim_tier {
    int32_t first_seat_no, last_seat_no;
    int64_t price_won;
};
/* False when no tier has the seat. */
bool claim_price(const struct claim_tier tiers[], size_t count, int64_t seat_no,
                 int64_t *ret_price_won);

/* Marks seats in a bitmap, bit (n - 1) for seat n, least significant bit first, from "1,17,23";
 * false for text that is no such list or a seat outside 1..seats. */
bool claim_mark_seats(const char *list, uint8_t *bitmap, size_t seats);

#endif
