/* The handlers over the fake store: good requests, and a short call for each method. */
#ifndef RESERVATION_FIXTURE_H
#define RESERVATION_FIXTURE_H

#include <check.h>

#include "base/ctx.h"
#include "boxoffice/reservation/v1/reservation.pb-c.h"
#include "claim.h"
#include "rpc/method.h"
#include "service.h"

#define MESSAGE(name) Boxoffice__Reservation__V1__##name
typedef MESSAGE(ReserveRequest) ReserveRequest;
typedef MESSAGE(ReserveResponse) ReserveResponse;
typedef MESSAGE(GetReservationRequest) GetRequest;
typedef MESSAGE(GetReservationResponse) GetResponse;
typedef MESSAGE(ListReservationsRequest) ListRequest;
typedef MESSAGE(ListReservationsResponse) ListResponse;
typedef MESSAGE(CancelRequest) CancelRequest;
typedef MESSAGE(CancelResponse) CancelResponse;
typedef MESSAGE(GetOccupancyRequest) OccupancyRequest;
typedef MESSAGE(GetOccupancyResponse) OccupancyResponse;
typedef MESSAGE(WatchOccupancyRequest) WatchRequest;
typedef MESSAGE(BeginPaymentRequest) BeginRequest;
typedef MESSAGE(BeginPaymentResponse) BeginResponse;
typedef MESSAGE(ConfirmRequest) ConfirmRequest;
typedef MESSAGE(ConfirmResponse) ConfirmResponse;
typedef MESSAGE(ReleaseRequest) ReleaseRequest;
typedef MESSAGE(ReleaseResponse) ReleaseResponse;

extern char user_id[], stranger[], concert_id[], token_id[], payment_id[], reservation_id[],
    upper_case_id[], no_text[], date[], no_date[], queue[], key[];

enum { MINUTE_MS = 60000, SEATS = 50 };

extern struct arena arena;
extern struct ctx ctx;

void fresh_ctx(void);
/* A date on sale, a hold of user_id's, and nothing asked yet. */
void set_up(void);
void set_claim(enum claim_status status);

ReserveRequest good_reserve(void);
/* Each puts its response where it is told. */
enum status reserve(const ReserveRequest *req, ReserveResponse *res);
enum status get(char *id, char *user, GetResponse *res);
enum status list(int32_t page_size, char *page_token, ListResponse *res);
enum status list_of_user(char *user, int32_t page_size, char *page_token, ListResponse *res);
enum status cancel(char *id, char *user, CancelResponse *res);
enum status begin(char *payment, char *user, int64_t lease_ms, BeginResponse *res);
enum status confirm(char *id, char *payment, ConfirmResponse *res);
enum status release(char *id, char *payment, ReleaseResponse *res);
enum status occupancy(size_t count, int64_t min_version, OccupancyResponse *res);

enum status watch_occupancy(char *concert, char *day, struct rpc_stream *stream);
struct reservation_service *reservation_under_test(void);

/* Runs the cases of one program; its exit code. */
int run_tests(const char *name, const TTest *const tests[], size_t count);
int run_tests_between(const char *name, const TTest *const tests[], size_t count, SFun before,
                      SFun after);

#endif
