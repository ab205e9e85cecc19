#include <string.h>

#include "base/clock.h"
#include "http/json.h"
#include "present.h"
#include "service.h"

static const char none_free_en[] =
    "No seat is free on the dates asked for. Held seats come back when their "
    "five minutes are over.";
static const char none_free_ko[] =
    "요청한 날짜에 남은 좌석이 없습니다. 선점된 좌석은 5분이 지나면 다시 선택할 수 있습니다.";

enum status gateway_list_concerts(struct ctx *ctx, void *self, const struct http_request *request,
                                  struct http_response *response)
{
    struct gateway *gateway = self;
    struct caller caller;
    const char *page_token;
    Boxoffice__Concert__V1__ListConcertsRequest req =
        BOXOFFICE__CONCERT__V1__LIST_CONCERTS_REQUEST__INIT;
    TRY(gateway_admit(ctx, gateway, request, response, NEED_TURN, &caller));
    TRY(gateway_page(ctx, request, &req.page_size, &page_token));
    req.page_token = gateway_text(page_token);

    Boxoffice__Concert__V1__ListConcertsResponse *res = NULL;
    TRY(gateway_call(ctx, &gateway->peers, CALL_LIST_CONCERTS, &req.base, &res));
    json_t *concerts = json_array();
    for (size_t i = 0; i < res->n_concerts; i++)
        json_array_append_new(concerts, present_concert(res->concerts[i]));
    return http_write_json(ctx, response,
                           json_pack("{s:o, s:o}", "concerts", concerts, "next_page_token",
                                     present_page_token(res->next_page_token)));
}

/* --- entity tags: the concert service names its answers, and the same name is the same answer ---
 */

enum { ETAG_MAX = 64 };

/* What the caller has, by the concert's name for it: the only tag of If-None-Match, when it is one
 * of ours with this suffix. "" otherwise. */
static enum status read_known_etag(struct ctx *ctx, const struct http_request *request,
                                   const char *suffix, char **ret_etag)
{
    const char *header = http_header(request, "If-None-Match");
    const size_t length = header == NULL ? 0 : strlen(header);
    const size_t tail = strlen(suffix) + 1; /* and the last quote */
    *ret_etag = gateway_text(NULL);
    if (length <= tail + 1 || length > ETAG_MAX + tail || header[0] != '"' ||
        strncmp(header + length - tail, suffix, tail - 1) != 0 || header[length - 1] != '"')
        return ST_OK;
    char *etag = arena_strdup(ctx->arena, header + 1);
    if (etag == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    etag[length - 1 - tail] = '\0';
    if (strspn(etag, "0123456789abcdef") == strlen(etag))
        *ret_etag = etag;
    return ST_OK;
}

/* Names the answer; *ret_is_known when the caller has it already, and 304 is all there is to say.
 * Only its holder may keep it, and has to ask each time. */
static enum status name_answer(struct ctx *ctx, const struct http_request *request,
                               const char *etag, const char *suffix, struct http_response *response,
                               bool *ret_is_known)
{
    const char *tag = arena_printf(ctx->arena, "\"%s%s\"", etag, suffix);
    if (tag == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    http_add_header(response, "ETag", tag);
    http_add_header(response, "Cache-Control", "private, no-cache");
    http_add_header(response, "Vary", "Accept-Language, Authorization");
    *ret_is_known = http_matches_etag(request, tag);
    if (*ret_is_known)
        response->code = 304;
    return ST_OK;
}

/* A date of the path or the query. */
static void check_date(struct ctx *ctx, const char *pointer, const char *text)
{
    if (!clock_date_is_valid(text))
        ctx_violate(ctx, pointer, "must be a date, YYYY-MM-DD");
}

enum status gateway_list_dates(struct ctx *ctx, void *self, const struct http_request *request,
                               struct http_response *response)
{
    static const char *const names[] = {"from"};
    struct gateway *gateway = self;
    struct caller caller;
    struct uuid concert_id;
    TRY(gateway_admit(ctx, gateway, request, response, NEED_TURN, &caller));
    TRY(gateway_path_uuid(ctx, request, "concert_id", &concert_id));
    TRY(http_check_query(ctx, request, names, ARRAY_LEN(names)));
    const char *from = http_query_param(request, "from");
    if (from != NULL)
        check_date(ctx, "?from", from);
    TRY(ctx_checked(ctx));

    Boxoffice__Concert__V1__ListDatesRequest req = BOXOFFICE__CONCERT__V1__LIST_DATES_REQUEST__INIT;
    req.concert_id = concert_id.text;
    req.from = gateway_text(from);
    TRY(read_known_etag(ctx, request, "", &req.known_etag));
    req.queue = caller.claims.queue;
    Boxoffice__Concert__V1__ListDatesResponse *res = NULL;
    TRY(gateway_call(ctx, &gateway->peers, CALL_LIST_DATES, &req.base, &res));
    bool is_known;
    TRY(name_answer(ctx, request, res->etag, "", response, &is_known));
    if (is_known)
        return ST_OK;
    json_t *dates = json_array();
    for (size_t i = 0; i < res->n_dates; i++)
        json_array_append_new(dates, present_date(res->dates[i]));
    return http_write_json(ctx, response, json_pack("{s:o}", "dates", dates));
}

static enum status read_seats_request(struct ctx *ctx, const struct http_request *request,
                                      struct uuid *concert_id,
                                      Boxoffice__Concert__V1__ListSeatsRequest *req)
{
    static const char *const names[] = {"view", "through"};
    TRY(gateway_path_uuid(ctx, request, "concert_id", concert_id));
    TRY(http_check_query(ctx, request, names, ARRAY_LEN(names)));
    const char *view = http_query_param(request, "view");
    const char *through = http_query_param(request, "through");
    check_date(ctx, "{date}", http_path_param(request, "date"));
    if (through != NULL)
        check_date(ctx, "?through", through);
    if (view != NULL && strcmp(view, "available") != 0 && strcmp(view, "all") != 0)
        ctx_violate(ctx, "?view", "must be available or all");
    req->concert_id = concert_id->text;
    req->date = gateway_text(http_path_param(request, "date"));
    req->through = gateway_text(through);
    req->view = view != NULL && strcmp(view, "all") == 0
                    ? BOXOFFICE__CONCERT__V1__SEAT_VIEW__SEAT_VIEW_ALL
                    : BOXOFFICE__CONCERT__V1__SEAT_VIEW__SEAT_VIEW_AVAILABLE;
    return ctx_checked(ctx);
}

enum status gateway_list_seats(struct ctx *ctx, void *self, const struct http_request *request,
                               struct http_response *response)
{
    struct gateway *gateway = self;
    struct caller caller;
    struct uuid concert_id;
    Boxoffice__Concert__V1__ListSeatsRequest req = BOXOFFICE__CONCERT__V1__LIST_SEATS_REQUEST__INIT;
    TRY(gateway_admit(ctx, gateway, request, response, NEED_TURN, &caller));
    TRY(read_seats_request(ctx, request, &concert_id, &req));
    /* The message is in a language, so the answer has a name for each. */
    const bool in_korean = http_language(request) == LANGUAGE_KO;
    const char *suffix = in_korean ? "-ko" : "-en";
    TRY(read_known_etag(ctx, request, suffix, &req.known_etag));
    req.queue = caller.claims.queue;

    Boxoffice__Concert__V1__ListSeatsResponse *res = NULL;
    TRY(gateway_call(ctx, &gateway->peers, CALL_LIST_SEATS, &req.base, &res));
    bool is_known;
    TRY(name_answer(ctx, request, res->etag, suffix, response, &is_known));
    if (is_known)
        return ST_OK;
    json_t *dates = json_array();
    int64_t available = 0;
    for (size_t i = 0; i < res->n_dates; i++) {
        available += res->dates[i]->seats_available;
        json_array_append_new(dates, present_seats(res->dates[i]));
    }
    json_t *root = json_pack("{s:o}", "dates", dates);
    if (available == 0)
        json_object_set_new(root, "message", json_string(in_korean ? none_free_ko : none_free_en));
    return http_write_json(ctx, response, root);
}
