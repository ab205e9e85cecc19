#include "present.h"

#include "base/clock.h"
#include "base/macros.h"

static json_t *time_value(int64_t unix_ms)
{
    char text[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(unix_ms, text);
    return json_string(text);
}

/* Adds a time that may not be there. */
static void add_time(json_t *object, const char *name, int64_t unix_ms)
{
    if (object != NULL && unix_ms != 0)
        json_object_set_new(object, name, time_value(unix_ms));
}

/* The name of a state, by its number on the wire. */
static const char *name_of(const char *const names[], size_t count, int value)
{
    return value >= 0 && (size_t)value < count ? names[value] : "UNKNOWN";
}

json_t *present_page_token(const char *token)
{
    return token[0] == '\0' ? json_null() : json_string(token);
}

json_t *present_place(const Boxoffice__Queue__V1__Place *place, const char *token)
{
    static const char *const names[] = {"UNKNOWN", "WAITING", "ACTIVE", "EXPIRED"};
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "token", token, "token_id",
        place->token_id, "user_id", place->user_id, "queue", place->queue, "status",
        name_of(names, ARRAY_LEN(names), (int)place->status), "position",
        (json_int_t)place->position, "ahead", (json_int_t)place->ahead, "estimated_wait_seconds",
        (json_int_t)place->estimated_wait_seconds, "next_poll_ms", (json_int_t)place->next_poll_ms);
    add_time(object, "issued_at", place->issued_at_unix_ms);
    add_time(object, "expires_at", place->expires_at_unix_ms);
    return object;
}

json_t *present_concert(const Boxoffice__Concert__V1__Concert *concert)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "concert_id", concert->concert_id, "title",
                     concert->title, "artist", concert->artist, "venue", concert->venue, "queue",
                     concert->queue, "currency", concert->currency);
}

json_t *present_date(const Boxoffice__Concert__V1__DateAvailability *date)
{
    json_t *object = json_pack("{s:s, s:i, s:i}", "date", date->date, "seats_total",
                               date->seats_total, "seats_available", date->seats_available);
    add_time(object, "starts_at", date->starts_at_unix_ms);
    return object;
}

json_t *present_seats(const Boxoffice__Concert__V1__DateSeats *date)
{
    static const char *const names[] = {"UNKNOWN", "AVAILABLE", "HELD", "SOLD"};
    json_t *seats = json_array();
    for (size_t i = 0; i < date->n_seats; i++) {
        const Boxoffice__Concert__V1__Seat *seat = date->seats[i];
        json_array_append_new(seats,
                              json_pack("{s:i, s:I, s:s}", "seat_no", seat->seat_no, "price",
                                        (json_int_t)seat->price_won, "status",
                                        name_of(names, ARRAY_LEN(names), (int)seat->status)));
    }
    json_t *object =
        json_pack("{s:s, s:i, s:i, s:o}", "date", date->date, "seats_total", date->seats_total,
                  "seats_available", date->seats_available, "seats", seats);
    add_time(object, "starts_at", date->starts_at_unix_ms);
    return object;
}

json_t *present_seat_map(const char *date, const struct seat_map *map)
{
    json_t *held = json_array(), *sold = json_array();
    for (size_t seat_no = 1; seat_no <= SEAT_MAP_SEATS_MAX; seat_no++) {
        const enum seat_state state = seat_map_state(map, seat_no);
        if (state != SEAT_AVAILABLE)
            json_array_append_new(state == SEAT_SOLD ? sold : held,
                                  json_integer((json_int_t)seat_no));
    }
    return json_pack("{s:s, s:I, s:o, s:o}", "date", date, "version", (json_int_t)map->version,
                     "held", held, "sold", sold);
}

json_t *present_seat_changes(const char *date,
                             const Boxoffice__Reservation__V1__WatchOccupancyResponse *news)
{
    json_t *available = json_array(), *held = json_array(), *sold = json_array();
    for (size_t i = 0; i < news->n_changes; i++) {
        json_t *list = available;
        if (news->changes[i]->state == BOXOFFICE__RESERVATION__V1__SEAT_STATE__SEAT_STATE_HELD)
            list = held;
        else if (news->changes[i]->state == BOXOFFICE__RESERVATION__V1__SEAT_STATE__SEAT_STATE_SOLD)
            list = sold;
        json_array_append_new(list, json_integer(news->changes[i]->seat_no));
    }
    return json_pack("{s:s, s:I, s:I, s:o, s:o, s:o}", "date", date, "version",
                     (json_int_t)news->version, "from_version", (json_int_t)news->from_version,
                     "available", available, "held", held, "sold", sold);
}

json_t *present_reservation(const Boxoffice__Reservation__V1__Reservation *reservation)
{
    static const char *const names[] = {"UNKNOWN",   "HELD",    "PAYING",
                                        "CONFIRMED", "EXPIRED", "CANCELLED"};
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:s, s:i, s:I, s:s, s:s}", "reservation_id", reservation->reservation_id,
        "user_id", reservation->user_id, "concert_id", reservation->concert_id, "date",
        reservation->date, "seat_no", reservation->seat_no, "price",
        (json_int_t)reservation->price_won, "currency", reservation->currency, "status",
        name_of(names, ARRAY_LEN(names), (int)reservation->status));
    add_time(object, "held_until", reservation->held_until_unix_ms);
    add_time(object, "created_at", reservation->created_at_unix_ms);
    return object;
}

json_t *present_entry(const Boxoffice__Wallet__V1__LedgerEntry *entry)
{
    static const char *const names[] = {"UNKNOWN", "CHARGE", "DEBIT", "REFUND"};
    json_t *object = json_pack("{s:s, s:s, s:I, s:I}", "entry_id", entry->entry_id, "kind",
                               name_of(names, ARRAY_LEN(names), (int)entry->kind), "amount",
                               (json_int_t)entry->amount_won, "balance_after",
                               (json_int_t)entry->balance_after_won);
    if (entry->payment_id[0] != '\0')
        json_object_set_new(object, "payment_id", json_string(entry->payment_id));
    add_time(object, "created_at", entry->created_at_unix_ms);
    return object;
}

json_t *present_payment(const Boxoffice__Payment__V1__Payment *payment)
{
    static const char *const names[] = {"UNKNOWN", "PENDING", "COMPLETED", "FAILED"};
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s}", "payment_id", payment->payment_id, "reservation_id",
                  payment->reservation_id, "user_id", payment->user_id, "status",
                  name_of(names, ARRAY_LEN(names), (int)payment->status));
    /* What the payment does not know yet (the seat is still being claimed) stays out. */
    if (payment->amount_won > 0) {
        json_object_set_new(object, "amount", json_integer(payment->amount_won));
        json_object_set_new(object, "currency", json_string(payment->currency));
        json_object_set_new(object, "concert_id", json_string(payment->concert_id));
        json_object_set_new(object, "date", json_string(payment->date));
        json_object_set_new(object, "seat_no", json_integer(payment->seat_no));
    }
    if (payment->status == BOXOFFICE__PAYMENT__V1__PAYMENT_STATUS__PAYMENT_STATUS_COMPLETED)
        json_object_set_new(object, "balance_after", json_integer(payment->balance_after_won));
    if (payment->failure_code[0] != '\0')
        json_object_set_new(object, "failure_code", json_string(payment->failure_code));
    add_time(object, "paid_at", payment->paid_at_unix_ms);
    add_time(object, "created_at", payment->created_at_unix_ms);
    return object;
}
