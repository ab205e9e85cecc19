/* Thousands of random commands, with time passing in between, on the real store over two instances
 * and on the model: every answer, every claim and every seat must agree. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claim_fixture.h"
#include "occupancy.h"
#include "seat_model.h"

enum {
    ROUNDS = 12, /* each with a date and users of its own: what is sold stays sold */
    COMMANDS = 130,
    USERS = 3,
    KEYS = 1,
    PAYMENTS = 2,
    UNIT_MS = 100000, /* far longer than the test takes: real time never decides */
    LOOK_BACK = 4,    /* commands are about recent claims */
};

static struct db *owner; /* moves time */
static struct model model;
static struct uuid users[USERS + 1], payments[PAYMENTS + 1], claims[MODEL_CLAIMS_MAX];
static struct seat_map watched; /* kept by news alone */
static unsigned seed, step;
static char date[CLOCK_DATE_SIZE];

/* A generator of our own, so that a seed means the same everywhere (xorshift, Marsaglia 2003). */
static int pick(int count)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return (int)(seed % (unsigned)count);
}

static struct db *any_instance(void)
{
    return pick(2) == 0 ? db : second;
}

/* Time passes for everything that is: all moments move into the past. */
static void pass(int units)
{
    static const struct db_statement shift = {
        .name = "shift",
        .mode = DB_WRITE,
        .sql = "UPDATE reservation SET hold_until = hold_until - $1::bigint * interval '1 ms',"
               " claim_until = claim_until - $1::bigint * interval '1 ms',"
               " confirmed_at = confirmed_at - $1::bigint * interval '1 ms',"
               " created_at = created_at - $1::bigint * interval '1 ms'",
    };
    struct db_params params;
    db_params_init(&params, &ctx);
    db_add_int64(&params, (int64_t)units * UNIT_MS);
    ck_assert_int_eq(db_run(&ctx, owner, &shift, &params, 0, NULL), ST_OK);
    model_pass(&model, units);
}

static void agree(const char *what, enum status real, enum status wanted)
{
    ck_assert_msg(real == wanted, "step %u: %s: %s, the model says %s", step, what,
                  status_name(real), status_name(wanted));
}

static void do_reserve(void)
{
    const int user_no = 1 + pick(USERS), seat = 1 + pick(MODEL_SEATS);
    const int key = pick(2) == 0 ? 1 + pick(KEYS) : 0;
    char name[16] = "";
    size_t wanted_claim = 0;
    bool wanted_replay, replayed = false;
    struct claim claim;
    struct claim_wish wish = wish_of(users[user_no].text, seat);
    if (key != 0)
        snprintf(name, sizeof name, "k%d", key);
    wish.date = date;
    wish.idempotency_key = name;
    wish.hold_ttl_ms = (int64_t)MODEL_HOLD * UNIT_MS;
    const size_t before = model.count;
    const enum status wanted =
        model_reserve(&model, user_no, seat, key, &wanted_claim, &wanted_replay);
    agree("reserve", claim_store_reserve(&ctx, any_instance(), &wish, &claim, &replayed), wanted);
    if (wanted != ST_OK)
        return;
    ck_assert_msg(replayed == wanted_replay, "step %u: replayed", step);
    if (model.count > before)
        claims[wanted_claim] = claim.reservation_id;
    ck_assert_msg(strcmp(claims[wanted_claim].text, claim.reservation_id.text) == 0,
                  "step %u: another claim", step);
}

/* As the service does it: load, judge, move. */
static enum status ask_real(enum claim_event event, const struct uuid *id, const char *payment,
                            int lease)
{
    struct db *instance = any_instance();
    struct claim claim, next;
    bool repeat, moved;
    TRY(claim_store_get(&ctx, instance, id->text, &claim));
    TRY(claim_judge(&claim, event, payment[0] == '\0' ? NULL : payment, &repeat));
    if (repeat)
        return ST_OK;
    const struct claim_move move = {.event = event,
                                    .claim = &claim,
                                    .payment_id = payment,
                                    .lease_ms = (int64_t)lease * UNIT_MS};
    TRY(claim_store_move(&ctx, any_instance(), &move, &next, &moved));
    return moved ? ST_OK : ST_CONFLICT;
}

static void do_move(void)
{
    if (model.count == 0)
        return;
    const int back = model.count < LOOK_BACK ? (int)model.count : LOOK_BACK;
    const size_t claim = model.count - 1 - (size_t)pick(back);
    const int payment = 1 + pick(PAYMENTS), lease = 1 + pick(6);
    const char *by = payments[payment].text;
    const struct uuid *id = &claims[claim];
    switch (pick(6)) {
    case 0:
    case 1:
        agree("begin", ask_real(CLAIM_BEGIN, id, by, lease),
              model_begin(&model, claim, payment, lease));
        break;
    case 2:
        agree("confirm", ask_real(CLAIM_CONFIRM, id, by, 0), model_confirm(&model, claim, payment));
        break;
    case 3:
        agree("release", ask_real(CLAIM_RELEASE, id, by, 0), model_release(&model, claim, payment));
        break;
    default:
        agree("cancel", ask_real(CLAIM_CANCEL, id, "", 0), model_cancel(&model, claim));
        break;
    }
}

/* After the sweeper the news make the watched map what the model has. */
static void do_sweep(void)
{
    const struct changes_since since = {
        .concert_id = CONCERT, .date = date, .version = watched.version};
    struct changes *changes;
    uint8_t changed[SEATS_BITMAP_SIZE];
    size_t count;
    int64_t swept;
    ck_assert_int_eq(claim_store_sweep(&ctx, any_instance(), 10, &swept), ST_OK);
    ck_assert_int_eq(claim_store_changes(&ctx, any_instance(), &since, 1, &changes, &count), ST_OK);
    if (count == 1)
        ck_assert(seat_map_apply(&watched, &changes[0].news, changed, &count));
    for (int seat = 1; seat <= MODEL_SEATS; seat++) {
        static const enum model_state as_model[] = {
            [SEAT_FREE] = MODEL_CANCELLED, [SEAT_HELD] = MODEL_HELD, [SEAT_SOLD] = MODEL_CONFIRMED};
        ck_assert_msg(as_model[seat_map_state(&watched, (size_t)seat)] == model_seat(&model, seat),
                      "step %u: watched seat %d", step, seat);
    }
}

static void compare_seats(void)
{
    const char *const dates[] = {date};
    struct claim_occupancy *seen;
    ck_assert_int_eq(claim_store_occupancy(&ctx, any_instance(), CONCERT, dates, 1, &seen), ST_OK);
    for (int seat = 1; seat <= MODEL_SEATS; seat++) {
        static const enum seat_state as_seat[] = {
            [MODEL_HELD] = SEAT_HELD, [MODEL_CONFIRMED] = SEAT_SOLD, [MODEL_CANCELLED] = SEAT_FREE};
        ck_assert_msg(seat_map_state(&seen->map, (size_t)seat) == as_seat[model_seat(&model, seat)],
                      "step %u: seat %d", step, seat);
    }
}

static void compare_claims(size_t count)
{
    const size_t first = model.count < count ? 0 : model.count - count;
    for (size_t i = first; i < model.count; i++) {
        struct claim claim;
        ck_assert_int_eq(claim_store_get(&ctx, any_instance(), claims[i].text, &claim), ST_OK);
        static const enum claim_status as_claim[] = {
            [MODEL_HELD] = CLAIM_HELD,           [MODEL_PAYING] = CLAIM_PAYING,
            [MODEL_CONFIRMED] = CLAIM_CONFIRMED, [MODEL_EXPIRED] = CLAIM_EXPIRED,
            [MODEL_CANCELLED] = CLAIM_CANCELLED,
        };
        ck_assert_msg(claim.status == as_claim[model_state(&model, i)], "step %u: claim %zu is %s",
                      step, i, claim_status_name(claim.status));
        ck_assert_int_eq(claim.seat_no, model.claims[i].seat);
    }
}

static void command(void)
{
    const int what = pick(100);
    if (what < 45)
        do_reserve();
    else if (what < 80)
        do_move();
    else if (what < 90)
        pass(1 + pick(2));
    else if (what < 92)
        pass(MODEL_DAY - 2 + pick(3));
    else
        do_sweep();
}

static size_t play_round(int round)
{
    model = (struct model){0};
    watched = (struct seat_map){0};
    snprintf(date, sizeof date, "2030-01-%02u", (unsigned)(1 + round) % 100);
    for (int i = 0; i <= USERS; i++)
        users[i] = user();
    for (int i = 0; i <= PAYMENTS; i++)
        payments[i] = user();
    for (int i = 0; i < COMMANDS; i++, step++) {
        fresh_ctx();
        command();
        compare_seats();
        compare_claims(2);
    }
    fresh_ctx();
    compare_claims(model.count);
    return model.count;
}

static void run(unsigned with_seed)
{
    size_t made = 0;
    char count[24];
    seed = with_seed;
    step = 0;
    for (int round = 0; round < ROUNDS; round++)
        made += play_round(round);
    check_invariants();
    snprintf(count, sizeof count, "%zu", made);
    ck_assert_str_eq(ask("SELECT count(*) FROM reservation"), count); /* no claim is ever lost */
}

static void with_seed(unsigned it)
{
    ck_assert_int_eq(db_new(&(struct db_options){.url = owner_url}, &owner), ST_OK);
    run(it);
    db_free(&owner);
}

START_TEST(the_store_does_what_the_model_says_1)
{
    with_seed(20261125);
}
END_TEST

START_TEST(the_store_does_what_the_model_says_2)
{
    const char *given = getenv("SEATS_MODEL_SEED");
    with_seed(given == NULL ? 77777 : (unsigned)strtoul(given, NULL, 10));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_store_does_what_the_model_says_1,
        the_store_does_what_the_model_says_2,
    };
    return run_cases("model of a date", tests, ARRAY_LEN(tests));
}
