#include "reservation_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fake_reservation_store.h"
#include "service.h"

char user_id[] = "0190a000-0000-7000-8000-000000000001";
char stranger[] = "0190a000-0000-7000-8000-000000000002";
char concert_id[] = "0190a000-0000-7000-8000-0000000000c1";
char token_id[] = "0190a000-0000-7000-8000-0000000000d1";
char payment_id[] = "0190a000-0000-7000-8000-0000000000f1";
char reservation_id[] = "0190a000-0000-7000-8000-0000000000a1";
char upper_case_id[] = "0190A000-0000-7000-8000-000000000001";
char no_text[] = "";
char date[] = "2030-01-01";
char no_date[] = "2030-02-30";
char queue[] = "main";
char key[] = "key-1";

static _Alignas(16) unsigned char block[1024 * 1024];
struct arena arena;
struct ctx ctx;
static struct reservation_service service = {.hold_ttl_ms = 1234};

void fresh_ctx(void)
{
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
}

void set_claim(enum claim_status status)
{
    struct claim *claim = &fake_store.claim;
    *claim = (struct claim){.date = "2030-01-01",
                            .seat_no = 7,
                            .price_won = 90000,
                            .currency = "KRW",
                            .status = status,
                            .held_until_unix_ms = 2000,
                            .created_at_unix_ms = 1000,
                            .version = 41};
    memcpy(claim->reservation_id.text, reservation_id, UUID_TEXT_SIZE);
    memcpy(claim->user_id.text, user_id, UUID_TEXT_SIZE);
    memcpy(claim->concert_id.text, concert_id, UUID_TEXT_SIZE);
    if (status == CLAIM_PAYING || status == CLAIM_CONFIRMED)
        memcpy(claim->payment_id.text, payment_id, UUID_TEXT_SIZE);
}

void set_up(void)
{
    const int64_t now_ms = clock_wall_ms();
    fake_store = (struct fake_reservation_store){
        .date = {.seats_total = SEATS,
                 .sale_opens_at_unix_ms = now_ms - MINUTE_MS,
                 .sale_closes_at_unix_ms = now_ms + MINUTE_MS,
                 .starts_at_unix_ms = now_ms + MINUTE_MS,
                 .tiers = {{1, 10, 90000}, {11, SEATS, 50000}},
                 .tier_count = 2,
                 .queue = "main"},
        .held = "1,9",
        .sold = "8",
        .fail_status = ST_UNAVAILABLE,
    };
    set_claim(CLAIM_HELD);
    fresh_ctx();
}

static enum status call(const char *method, const void *in, void *out)
{
    struct rpc_service rpc_service = reservation_rpc_service(&service);
    for (size_t i = 0; i < rpc_service.method_count; i++) {
        if (strcmp(rpc_service.methods[i].name, method) == 0)
            return rpc_service.methods[i].handle(&ctx, rpc_service.self, in, out);
    }
    ck_abort_msg("no method %s", method);
    return ST_INTERNAL;
}

ReserveRequest good_reserve(void)
{
    ReserveRequest req = BOXOFFICE__RESERVATION__V1__RESERVE_REQUEST__INIT;
    req.user_id = user_id;
    req.concert_id = concert_id;
    req.date = date;
    req.seat_no = 7;
    req.token_id = token_id;
    req.queue = queue;
    req.idempotency_key = key;
    return req;
}

enum status reserve(const ReserveRequest *req, ReserveResponse *res)
{
    boxoffice__reservation__v1__reserve_response__init(res);
    return call("Reserve", req, res);
}

enum status get(char *id, char *user, GetResponse *res)
{
    GetRequest req = BOXOFFICE__RESERVATION__V1__GET_RESERVATION_REQUEST__INIT;
    req.reservation_id = id;
    req.user_id = user;
    boxoffice__reservation__v1__get_reservation_response__init(res);
    return call("GetReservation", &req, res);
}

enum status list(int32_t page_size, char *page_token, ListResponse *res)
{
    return list_of_user(user_id, page_size, page_token, res);
}

enum status list_of_user(char *user, int32_t page_size, char *page_token, ListResponse *res)
{
    ListRequest req = BOXOFFICE__RESERVATION__V1__LIST_RESERVATIONS_REQUEST__INIT;
    req.user_id = user;
    req.page_size = page_size;
    req.page_token = page_token;
    boxoffice__reservation__v1__list_reservations_response__init(res);
    return call("ListReservations", &req, res);
}

enum status cancel(char *id, char *user, CancelResponse *res)
{
    CancelRequest req = BOXOFFICE__RESERVATION__V1__CANCEL_REQUEST__INIT;
    req.reservation_id = id;
    req.user_id = user;
    boxoffice__reservation__v1__cancel_response__init(res);
    return call("Cancel", &req, res);
}

enum status begin(char *payment, char *user, int64_t lease_ms, BeginResponse *res)
{
    BeginRequest req = BOXOFFICE__RESERVATION__V1__BEGIN_PAYMENT_REQUEST__INIT;
    req.reservation_id = reservation_id;
    req.user_id = user;
    req.payment_id = payment;
    req.lease_ms = lease_ms;
    boxoffice__reservation__v1__begin_payment_response__init(res);
    return call("BeginPayment", &req, res);
}

enum status confirm(char *id, char *payment, ConfirmResponse *res)
{
    ConfirmRequest req = BOXOFFICE__RESERVATION__V1__CONFIRM_REQUEST__INIT;
    req.reservation_id = id;
    req.payment_id = payment;
    boxoffice__reservation__v1__confirm_response__init(res);
    return call("Confirm", &req, res);
}

enum status release(char *id, char *payment, ReleaseResponse *res)
{
    ReleaseRequest req = BOXOFFICE__RESERVATION__V1__RELEASE_REQUEST__INIT;
    req.reservation_id = id;
    req.payment_id = payment;
    boxoffice__reservation__v1__release_response__init(res);
    return call("Release", &req, res);
}

enum status occupancy(size_t count, int64_t min_version, OccupancyResponse *res)
{
    static char *dates[CLAIM_DATES_MAX + 1];
    OccupancyRequest req = BOXOFFICE__RESERVATION__V1__GET_OCCUPANCY_REQUEST__INIT;
    for (size_t i = 0; i < count; i++)
        dates[i] = date;
    req.concert_id = concert_id;
    req.dates = dates;
    req.n_dates = count;
    req.min_version = min_version;
    boxoffice__reservation__v1__get_occupancy_response__init(res);
    return call("GetOccupancy", &req, res);
}

struct reservation_service *reservation_under_test(void)
{
    return &service;
}

enum status watch_occupancy(char *concert, char *day, struct rpc_stream *stream)
{
    WatchRequest req = BOXOFFICE__RESERVATION__V1__WATCH_OCCUPANCY_REQUEST__INIT;
    struct rpc_service rpc_service = reservation_rpc_service(&service);
    req.concert_id = concert;
    req.date = day;
    for (size_t i = 0; i < rpc_service.method_count; i++) {
        if (rpc_service.methods[i].open != NULL)
            return rpc_service.methods[i].open(&ctx, rpc_service.self, &req, stream);
    }
    return ST_UNIMPLEMENTED;
}

int run_tests(const char *name, const TTest *const tests[], size_t count)
{
    return run_tests_between(name, tests, count, set_up, NULL);
}

int run_tests_between(const char *name, const TTest *const tests[], size_t count, SFun before,
                      SFun after)
{
    TCase *cases = tcase_create(name);
    tcase_add_checked_fixture(cases, before, after);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(cases, tests[i]);
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
