#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/macros.h"
#include "commands.h"
#include "demo.h"
#include "peers.h"
#include "season.h"
#include "session.h"

/* Says what is wrong with a wish, as the operator wrote it down; `date` is that of the wish, if it
 * has one. What a wish with a date says of its concert was told before. */
static void tell_faults(const struct ctx *ctx, struct season_faults *faults, size_t concert,
                        const size_t *date)
{
    for (size_t i = 0; i < ctx->violation_count; i++) {
        const struct ctx_violation *violation = &ctx->violations[i];
        char pointer[160];
        if (date != NULL && strncmp(violation->pointer, "/dates/0", 8) != 0)
            continue;
        season_map_pointer(violation->pointer, concert, date == NULL ? 0 : *date, pointer,
                           sizeof pointer);
        season_fault(faults, pointer, "%s", violation->description);
    }
}

/* Has a concert, or it with one of its dates, judged. Failures that are no judgement end the
 * command.
 */
static enum status judge(struct session *session, struct ctx *ctx, struct season_faults *faults,
                         const struct season *season, size_t concert, const size_t *date)
{
    const struct peer_wish wish = {.concert = &season->concerts[concert],
                                   .first = date == NULL ? 0 : *date,
                                   .count = date == NULL ? 0 : 1,
                                   .validate_only = true};
    bool created;
    int added;
    session_begin_call(ctx, &session->arena, SESSION_CALL_MS);
    const enum status status = peer_publish(ctx, session->client, &wish, &created, &added);
    if (status != ST_INVALID_REQUEST && status != ST_ALREADY_EXISTS)
        return status;
    tell_faults(ctx, faults, concert, date);
    return ST_OK;
}

/* Every concert and every date by itself, so that an answer holds all that is wrong with it. */
static enum status judge_season(struct session *session, struct ctx *ctx,
                                struct season_faults *faults, const struct season *season)
{
    for (size_t i = 0; i < season->concert_count; i++) {
        const struct season_concert *concert = &season->concerts[i];
        if (concert->is_readable)
            TRY(judge(session, ctx, faults, season, i, NULL));
        for (size_t j = 0; j < concert->date_count; j++) {
            if (concert->dates[j].is_readable)
                TRY(judge(session, ctx, faults, season, i, &j));
        }
    }
    return ST_OK;
}

static enum status publish(struct session *session, struct ctx *ctx,
                           const struct season_concert *concert)
{
    int added = 0;
    bool is_new = false;
    size_t first = 0;
    do {
        const size_t left = concert->date_count - first;
        const struct peer_wish wish = {
            .concert = concert,
            .first = first,
            .count = left < PEER_DATES_MAX ? left : PEER_DATES_MAX,
        };
        bool created;
        int some;
        session_begin_call(ctx, &session->arena, SESSION_CALL_MS);
        TRY(peer_publish(ctx, session->client, &wish, &created, &some));
        is_new = is_new || created;
        added += some;
        first += wish.count;
    } while (first < concert->date_count);
    printf("%s  %s: %s, %zu dates, %d new\n", concert->concert_id, concert->title,
           is_new ? "new" : "known", concert->date_count, added);
    return ST_OK;
}

/* All of it is judged before any of it is written; written concert by concert, and safe to repeat.
 */
static int import_season(struct session *session, struct season_faults *faults,
                         const struct season *season, const char *what)
{
    struct ctx ctx;
    enum status status = judge_season(session, &ctx, faults, season);
    if (status == ST_OK && faults->count > 0) {
        fprintf(stderr, "boxoffice-admin: %s: %zu faults, nothing was written\n", what,
                faults->count);
        return EXIT_NOT_DONE;
    }
    for (size_t i = 0; i < season->concert_count && status == ST_OK; i++)
        status = publish(session, &ctx, &season->concerts[i]);
    return status == ST_OK ? EXIT_DONE : session_report(&ctx, what, status);
}

static int run_import(struct season_faults *faults, struct season *season, const char *what)
{
    struct session session;
    int code = EXIT_USAGE;
    if (session_begin(&session, "concert", concert_peer_settings))
        code = import_season(&session, faults, season, what);
    session_done(&session);
    season_done(season);
    return code;
}

int command_import(int argc, char **argv)
{
    struct season_faults faults = {.out = stderr};
    struct season season;
    if (argc != 1)
        return EXIT_USAGE;
    if (!season_read_file(argv[0], &faults, &season))
        return EXIT_NOT_DONE;
    return run_import(&faults, &season, argv[0]);
}

/* --- by words --- */

/* "artist=..." as a member of the object; false when it is no such word, or comes twice. */
static bool add_word(json_t *object, const char *word, const char *const members[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const size_t length = strlen(members[i]);
        if (strncmp(word, members[i], length) != 0 || word[length] != '=')
            continue;
        int64_t number;
        const char *value = word + length + 1;
        const bool is_number = strcmp(members[i], "seats_total") == 0;
        if (json_object_get(object, members[i]) != NULL ||
            (is_number && !base_parse_int64(value, &number)))
            return false;
        return json_object_set_new(object, members[i],
                                   is_number ? json_integer(number) : json_string(value)) == 0;
    }
    return false;
}

/* "1-10:150000" */
static bool add_tier(json_t *tiers, const char *word)
{
    int first, last, length = 0;
    long long price;
    if (sscanf(word, "%9d-%9d:%18lld%n", &first, &last, &price, &length) != 3 ||
        word[length] != '\0')
        return false;
    return json_array_append_new(tiers,
                                 json_pack("{s:i, s:i, s:I}", "first_seat_no", first,
                                           "last_seat_no", last, "price", (json_int_t)price)) == 0;
}

int command_create_concert(int argc, char **argv)
{
    static const char *const members[] = {"artist", "venue", "queue"};
    struct season_faults faults = {.out = stderr};
    struct season season;
    if (argc < 2)
        return EXIT_USAGE;
    json_t *concert = json_pack("{s:s, s:s}", "concert_id", argv[0], "title", argv[1]);
    bool is_good = concert != NULL;
    for (int i = 2; i < argc && is_good; i++)
        is_good = add_word(concert, argv[i], members, ARRAY_LEN(members));
    json_t *root = json_pack("{s:[o]}", "concerts", concert);
    if (!is_good) {
        json_decref(root);
        return EXIT_USAGE;
    }
    if (!season_read(root, &faults, &season))
        return EXIT_NOT_DONE;
    return run_import(&faults, &season, "create-concert");
}

/* The words of a date, as the season of a concert that is there already; NULL when they are none.
 */
static json_t *date_of_words(int argc, char **argv)
{
    static const char *const members[] = {"starts_at", "seats_total", "sale_opens_at",
                                          "sale_closes_at"};
    json_t *tiers = json_array();
    json_t *date = json_pack("{s:s, s:o}", "date", argv[1], "tiers", tiers);
    bool is_good = date != NULL;
    for (int i = 2; i < argc && is_good; i++)
        is_good = strncmp(argv[i], "tier=", 5) == 0
                      ? add_tier(tiers, argv[i] + 5)
                      : add_word(date, argv[i], members, ARRAY_LEN(members));
    if (!is_good) {
        json_decref(date);
        return NULL;
    }
    return json_pack("{s:[{s:s, s:s, s:[o]}]}", "concerts", "concert_id", argv[0], "title", "-",
                     "dates", date);
}

static int add_date(const char *concert_id, const struct season_date *date)
{
    struct session session;
    struct ctx ctx;
    bool created;
    int code = EXIT_USAGE;
    if (session_begin(&session, "concert", concert_peer_settings)) {
        session_begin_call(&ctx, &session.arena, SESSION_CALL_MS);
        const enum status status = peer_add_date(&ctx, session.client, concert_id, date, &created);
        code = status == ST_OK ? EXIT_DONE : session_report(&ctx, "add-date", status);
        if (status == ST_OK)
            printf("%s  %s: %s\n", concert_id, date->date, created ? "new" : "known");
    }
    session_done(&session);
    return code;
}

int command_add_date(int argc, char **argv)
{
    struct season_faults faults = {.out = stderr};
    struct season season;
    json_t *root = argc < 2 ? NULL : date_of_words(argc, argv);
    if (root == NULL)
        return EXIT_USAGE;
    if (!season_read(root, &faults, &season))
        return EXIT_NOT_DONE;
    const int code =
        faults.count > 0 ? EXIT_NOT_DONE : add_date(argv[0], &season.concerts[0].dates[0]);
    season_done(&season);
    return code;
}

/* --- seed-demo --- */

/* A demo concert as a season has it. */
static void fill_demo(const struct demo_concert *demo, int64_t now_unix_ms,
                      struct demo_date days[static DEMO_DATES],
                      struct season_date dates[static DEMO_DATES])
{
    for (int i = 0; i < DEMO_DATES; i++) {
        days[i] = demo_date(now_unix_ms, i + 1);
        dates[i] = (struct season_date){.date = days[i].date,
                                        .starts_at_unix_ms = days[i].starts_at_unix_ms,
                                        .seats_total = DEMO_SEATS,
                                        .sale_opens_at_unix_ms = days[i].sale_opens_at_unix_ms,
                                        .sale_closes_at_unix_ms = days[i].sale_closes_at_unix_ms,
                                        .tier_count = DEMO_TIERS};
        for (size_t tier = 0; tier < DEMO_TIERS; tier++)
            dates[i].tiers[tier] =
                (struct season_tier){.first_seat_no = demo_tiers[tier].first_seat_no,
                                     .last_seat_no = demo_tiers[tier].last_seat_no,
                                     .price_won = demo->prices_won[tier]};
    }
}

static enum status seed_concert(struct session *session, struct ctx *ctx,
                                const struct demo_concert *demo, int64_t now_unix_ms)
{
    struct demo_date days[DEMO_DATES];
    struct season_date dates[DEMO_DATES];
    fill_demo(demo, now_unix_ms, days, dates);
    return publish(session, ctx,
                   &(struct season_concert){.concert_id = demo->concert_id,
                                            .title = demo->title,
                                            .artist = demo->artist,
                                            .venue = demo->venue,
                                            .queue = "main",
                                            .dates = dates,
                                            .date_count = DEMO_DATES});
}

int command_seed_demo(int argc, char **argv)
{
    (void)argv;
    if (argc != 0)
        return EXIT_USAGE;

    struct session session;
    int code = EXIT_DONE;
    if (!session_begin(&session, "concert", concert_peer_settings))
        code = EXIT_USAGE;
    const int64_t now_unix_ms = clock_wall_ms();
    for (size_t i = 0; i < demo_concert_count && code == EXIT_DONE; i++) {
        struct ctx ctx;
        const enum status status = seed_concert(&session, &ctx, &demo_concerts[i], now_unix_ms);
        if (status != ST_OK)
            code = session_report(&ctx, demo_concerts[i].title, status);
    }
    session_done(&session);
    return code;
}
