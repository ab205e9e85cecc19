#include "fake_peers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "peers.h"

/* Shared with forked processes, and usable after one was killed in the middle. */
static struct {
    pthread_mutex_t lock;
    struct fake_seat seats[FAKE_SEATS_MAX];
    size_t seat_count;
    unsigned lost_percent;
    unsigned random_seed;
} * shared;
/* Each process's own. */
static enum saga_command silenced = SAGA_NO_COMMAND;

static void map_shared(void)
{
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        abort();
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&shared->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    shared->random_seed = 42;
}

static void lock(void)
{
    if (pthread_mutex_lock(&shared->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&shared->lock);
}

static void unlock(void)
{
    pthread_mutex_unlock(&shared->lock);
}

void fake_peers_begin(void)
{
    if (!shared)
        map_shared();
    lock();
    memset(shared->seats, 0, sizeof(shared->seats));
    shared->seat_count = 0;
    shared->lost_percent = 0;
    unlock();
    silenced = SAGA_NO_COMMAND;
}

struct fake_seat *fake_peers_add_seat(void)
{
    lock();
    if (shared->seat_count == FAKE_SEATS_MAX)
        abort();
    struct fake_seat *seat = &shared->seats[shared->seat_count++];
    uuid_v7(&seat->reservation_id);
    uuid_v7(&seat->user_id);
    unlock();
    return seat;
}

void fake_peers_lose(unsigned percent)
{
    lock();
    shared->lost_percent = percent;
    unlock();
}

void fake_peers_silence(enum saga_command command)
{
    silenced = command;
}

bool fake_seat_is_paid(const struct fake_seat *seat)
{
    return seat->seat == SEAT_CONFIRMED && seat->debits == 1 && seat->refunds == 0 &&
           seat->expired_tokens >= 1;
}

bool fake_seat_is_undone(const struct fake_seat *seat)
{
    return (seat->seat == SEAT_HELD || seat->seat == SEAT_LAPSED) &&
           seat->debits == seat->refunds && seat->expired_tokens == 0;
}

static struct fake_seat *find(const struct payment *payment)
{
    for (size_t i = 0; i < shared->seat_count; i++) {
        if (strcmp(shared->seats[i].reservation_id.text, payment->reservation_id.text) == 0)
            return &shared->seats[i];
    }
    return NULL;
}

static bool is_mine(const struct fake_seat *seat, const struct payment *payment)
{
    return strcmp(seat->payment_id.text, payment->payment_id.text) == 0;
}

typedef enum status effect_fn(struct fake_seat *seat, const struct payment *payment);

static enum status claim(struct fake_seat *seat, const struct payment *payment)
{
    if (!seat || strcmp(seat->user_id.text, payment->user_id.text) != 0)
        return ST_RESERVATION_NOT_FOUND;
    if (seat->seat == SEAT_CONFIRMED)
        return ST_ALREADY_PAID;
    if (seat->seat == SEAT_LAPSED)
        return ST_HOLD_EXPIRED;
    if (seat->seat == SEAT_PAYING && !is_mine(seat, payment))
        return ST_PAYMENT_IN_PROGRESS;
    if (!is_mine(seat, payment))
        seat->blocked = false; /* that was another debit id */
    seat->seat = SEAT_PAYING;
    seat->payment_id = payment->payment_id;
    return ST_OK;
}

static enum status confirm(struct fake_seat *seat, const struct payment *payment)
{
    if (seat->seat == SEAT_CONFIRMED && is_mine(seat, payment))
        return ST_OK;
    if (seat->lapses)
        seat->seat = SEAT_LAPSED;
    if (seat->seat != SEAT_PAYING || !is_mine(seat, payment))
        return ST_HOLD_EXPIRED;
    seat->seat = SEAT_CONFIRMED;
    return ST_OK;
}

static enum status release(struct fake_seat *seat, const struct payment *payment)
{
    if (seat->seat == SEAT_PAYING && is_mine(seat, payment))
        seat->seat = SEAT_HELD;
    return ST_OK;
}

/* One effect per debit id: a payment has one, so the payment on the seat tells repeats apart. */
static enum status debit(struct fake_seat *seat, const struct payment *payment)
{
    if (seat->blocked)
        return ST_DEBIT_REFUNDED;
    if (seat->poor)
        return ST_INSUFFICIENT_BALANCE;
    if (seat->debits == 0 && is_mine(seat, payment))
        seat->debits = 1;
    return ST_OK;
}

static enum status refund(struct fake_seat *seat, const struct payment *payment)
{
    (void)payment;
    seat->refunds = seat->debits;
    seat->blocked = true;
    return ST_OK;
}

static enum status expire(struct fake_seat *seat, const struct payment *payment)
{
    (void)payment;
    seat->expired_tokens++;
    return ST_OK;
}

static enum status call(enum saga_command command, const struct payment *payment, effect_fn *effect)
{
    lock();
    bool lost = (unsigned)rand_r(&shared->random_seed) % 100 < shared->lost_percent;
    bool done_first = rand_r(&shared->random_seed) % 2 == 0;
    enum status status = ST_UNAVAILABLE;
    if (silenced != command && (!lost || done_first))
        status = effect(find(payment), payment);
    if (lost)
        status = ST_TIMEOUT;
    unlock();
    return status;
}

enum status peer_claim_seat(struct ctx *ctx, const struct payment_peers *peers,
                            const struct payment *payment, int64_t lease_ms,
                            struct payment_claim *ret_claim)
{
    (void)ctx;
    (void)peers;
    (void)lease_ms;
    TRY(call(SAGA_CLAIM_SEAT, payment, claim));
    *ret_claim = (struct payment_claim){
        .amount_won = 300, .currency = "KRW", .date = "2026-12-01", .seat_no = 7};
    ret_claim->concert_id = payment->reservation_id;
    return ST_OK;
}

enum status peer_debit_wallet(struct ctx *ctx, const struct payment_peers *peers,
                              const struct payment *payment, int64_t *ret_balance_won)
{
    (void)ctx;
    (void)peers;
    TRY(call(SAGA_DEBIT_WALLET, payment, debit));
    *ret_balance_won = 700;
    return ST_OK;
}

enum status peer_confirm_seat(struct ctx *ctx, const struct payment_peers *peers,
                              const struct payment *payment)
{
    (void)ctx;
    (void)peers;
    return call(SAGA_CONFIRM_SEAT, payment, confirm);
}

enum status peer_release_seat(struct ctx *ctx, const struct payment_peers *peers,
                              const struct payment *payment)
{
    (void)ctx;
    (void)peers;
    return call(SAGA_RELEASE_SEAT, payment, release);
}

enum status peer_refund_wallet(struct ctx *ctx, const struct payment_peers *peers,
                               const struct payment *payment)
{
    (void)ctx;
    (void)peers;
    return call(SAGA_REFUND_WALLET, payment, refund);
}

enum status peer_expire_token(struct ctx *ctx, const struct payment_peers *peers,
                              const struct payment *payment)
{
    (void)ctx;
    (void)peers;
    return call(SAGA_EXPIRE_TOKEN, payment, expire);
}
