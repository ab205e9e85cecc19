/* Messages of the services as the JSON of the API: integers of won, RFC 3339 times, names of
 * states. */
#ifndef GATEWAY_PRESENT_H
#define GATEWAY_PRESENT_H

#include <jansson.h>

#include "boxoffice/concert/v1/concert.pb-c.h"
#include "boxoffice/payment/v1/payment.pb-c.h"
#include "boxoffice/queue/v1/queue.pb-c.h"
#include "boxoffice/reservation/v1/reservation.pb-c.h"
#include "boxoffice/wallet/v1/wallet.pb-c.h"
#include "seat_map.h"

/* New references; NULL when there is no memory. `token` is the holder's. */
json_t *present_place(const Boxoffice__Queue__V1__Place *place, const char *token);
json_t *present_concert(const Boxoffice__Concert__V1__Concert *concert);
json_t *present_date(const Boxoffice__Concert__V1__DateAvailability *date);
json_t *present_seats(const Boxoffice__Concert__V1__DateSeats *date);
/* All seats of a date: those that are not named are available. */
json_t *present_seat_map(const char *date, const struct seat_map *map);
/* The seats that are different since from_version. */
json_t *present_seat_changes(const char *date,
                             const Boxoffice__Reservation__V1__WatchOccupancyResponse *news);
json_t *present_reservation(const Boxoffice__Reservation__V1__Reservation *reservation);
json_t *present_entry(const Boxoffice__Wallet__V1__LedgerEntry *entry);
json_t *present_payment(const Boxoffice__Payment__V1__Payment *payment);
/* The token of the next page, null on the last. */
json_t *present_page_token(const char *token);

#endif
