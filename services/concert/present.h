/* The catalog's structs to and from the wire; everything made lives in the ctx's arena. */
#ifndef CONCERT_PRESENT_H
#define CONCERT_PRESENT_H

#include "boxoffice/concert/v1/concert.pb-c.h"
#include "catalog.h"
#include "peers.h"

typedef Boxoffice__Concert__V1__Concert Concert;
typedef Boxoffice__Concert__V1__ConcertDate ConcertDate;
typedef Boxoffice__Concert__V1__PriceTier PriceTier;
typedef Boxoffice__Concert__V1__DateSeats DateSeats;
typedef Boxoffice__Concert__V1__Seat Seat;

enum status present_concert(struct ctx *ctx, const struct catalog_concert *concert,
                            Concert **ret_concert) MUST_CHECK;
enum status present_date(struct ctx *ctx, const struct catalog_date *date,
                         ConcertDate **ret_date) MUST_CHECK;
enum status present_tiers(struct ctx *ctx, const struct catalog_date *date,
                          PriceTier ***ret_tiers) MUST_CHECK;
/* The date's seats: the free ones, or all with their status. */
enum status present_seats(struct ctx *ctx, const struct catalog_date *date,
                          const struct catalog_occupancy *occupancy, bool all,
                          DateSeats **ret_seats) MUST_CHECK;

/* Defaults filled in; a violation for everything that may not stand in the catalog. */
void read_concert_message(struct ctx *ctx, const Concert *message,
                          struct catalog_concert *ret_concert);
void read_date_message(struct ctx *ctx, const char *prefix, const ConcertDate *message,
                       struct catalog_date *ret_date);

#endif
