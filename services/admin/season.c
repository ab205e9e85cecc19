#include "season.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

enum { POINTER_SIZE = 128 };

void season_fault(struct season_faults *faults, const char *pointer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(faults->out, "  %s ", pointer);
    vfprintf(faults->out, format, args);
    fputc('\n', faults->out);
    va_end(args);
    faults->count++;
}

/* One object of the file, where it stands, and whether it was as it should be. */
struct object {
    struct season_faults *faults;
    json_t *json;
    char pointer[POINTER_SIZE];
    bool is_readable;
};

PRINTF_LIKE(3, 4)
static void fault(struct object *object, const char *member, const char *format, ...)
{
    char pointer[POINTER_SIZE + 64], text[128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(pointer, sizeof pointer, "%s%s%s", object->pointer, member[0] == '\0' ? "" : "/",
             member);
    season_fault(object->faults, pointer, "%s", text);
    object->is_readable = false;
}

/* Opens an object and refuses the members it does not have. */
static struct object open_object(struct season_faults *faults, json_t *json, const char *pointer,
                                 const char *const members[], size_t count)
{
    struct object object = {.faults = faults, .json = json, .is_readable = true};
    snprintf(object.pointer, sizeof object.pointer, "%s", pointer);
    if (!json_is_object(json)) {
        fault(&object, "", "must be an object");
        return object;
    }
    const char *name;
    json_t *value;
    json_object_foreach(json, name, value)
    {
        bool is_known = false;
        for (size_t i = 0; i < count; i++)
            is_known = is_known || strcmp(members[i], name) == 0;
        if (!is_known)
            fault(&object, name, "is not known here");
    }
    return object;
}

/* Absent members are NULL; a fault when they are required. */
static json_t *member_of(struct object *object, const char *name, bool is_required)
{
    json_t *value = json_object_get(object->json, name);
    if (value == NULL && is_required && json_is_object(object->json))
        fault(object, name, "is required");
    return value;
}

static const char *text_of(struct object *object, const char *name, bool is_required)
{
    const json_t *value = member_of(object, name, is_required);
    if (value != NULL && !json_is_string(value))
        fault(object, name, "must be a text");
    return json_is_string(value) ? json_string_value(value) : "";
}

static int64_t number_of(struct object *object, const char *name, bool is_required, int64_t max)
{
    const json_t *value = member_of(object, name, is_required);
    if (value == NULL)
        return 0;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > max) {
        fault(object, name, "must be a whole number of at most %" PRId64, max);
        return 0;
    }
    return json_integer_value(value);
}

static int64_t moment_of(struct object *object, const char *name, bool is_required)
{
    const json_t *value = member_of(object, name, is_required);
    int64_t wall_ms = 0;
    if (value != NULL &&
        (!json_is_string(value) || !clock_parse_rfc3339(json_string_value(value), &wall_ms)))
        fault(object, name, "must be a time like 2027-01-31T10:30:00Z");
    return wall_ms;
}

/* A list of at most `max`; NULL, and 0, when there is none. */
static json_t *list_of(struct object *object, const char *name, bool is_required, size_t max,
                       size_t *ret_count)
{
    json_t *value = member_of(object, name, is_required);
    *ret_count = 0;
    if (value == NULL)
        return NULL;
    if (!json_is_array(value) || json_array_size(value) > max) {
        fault(object, name, "must be a list of at most %zu", max);
        return NULL;
    }
    *ret_count = json_array_size(value);
    return value;
}

static bool read_tier(struct season_faults *faults, json_t *json, const char *pointer,
                      struct season_tier *tier)
{
    static const char *const members[] = {"first_seat_no", "last_seat_no", "price"};
    struct object object = open_object(faults, json, pointer, members, ARRAY_LEN(members));
    tier->first_seat_no = (int32_t)number_of(&object, "first_seat_no", true, INT32_MAX);
    tier->last_seat_no = (int32_t)number_of(&object, "last_seat_no", true, INT32_MAX);
    tier->price_won = number_of(&object, "price", true, INT64_MAX);
    return object.is_readable;
}

static void read_date(struct season_faults *faults, json_t *json, const char *pointer,
                      struct season_date *date)
{
    static const char *const members[] = {"date",          "starts_at",      "seats_total",
                                          "sale_opens_at", "sale_closes_at", "tiers"};
    struct object object = open_object(faults, json, pointer, members, ARRAY_LEN(members));
    date->date = text_of(&object, "date", true);
    date->starts_at_unix_ms = moment_of(&object, "starts_at", true);
    date->seats_total = (int32_t)number_of(&object, "seats_total", false, INT32_MAX);
    date->sale_opens_at_unix_ms = moment_of(&object, "sale_opens_at", true);
    date->sale_closes_at_unix_ms = moment_of(&object, "sale_closes_at", false);
    const json_t *tiers = list_of(&object, "tiers", true, SEASON_TIERS_MAX, &date->tier_count);
    for (size_t i = 0; i < date->tier_count; i++) {
        char where[POINTER_SIZE];
        snprintf(where, sizeof where, "%.*s/tiers/%zu", POINTER_SIZE - 32, pointer, i);
        if (!read_tier(faults, json_array_get(tiers, i), where, &date->tiers[i]))
            object.is_readable = false;
    }
    date->is_readable = object.is_readable;
}

static bool read_concert(struct season_faults *faults, json_t *json, size_t index,
                         struct season_concert *concert)
{
    static const char *const members[] = {"concert_id", "title", "artist",
                                          "venue",      "queue", "dates"};
    char pointer[POINTER_SIZE];
    snprintf(pointer, sizeof pointer, "/concerts/%zu", index);
    struct object object = open_object(faults, json, pointer, members, ARRAY_LEN(members));
    concert->concert_id = text_of(&object, "concert_id", true);
    concert->title = text_of(&object, "title", true);
    concert->artist = text_of(&object, "artist", false);
    concert->venue = text_of(&object, "venue", false);
    concert->queue = text_of(&object, "queue", false);
    const json_t *dates = list_of(&object, "dates", false, SEASON_DATES_MAX, &concert->date_count);
    concert->is_readable = object.is_readable;
    concert->dates = calloc(concert->date_count + 1, sizeof *concert->dates);
    if (concert->dates == NULL)
        return false;
    for (size_t i = 0; i < concert->date_count; i++) {
        snprintf(pointer, sizeof pointer, "/concerts/%zu/dates/%zu", index, i);
        read_date(faults, json_array_get(dates, i), pointer, &concert->dates[i]);
    }
    return true;
}

/* What the service cannot see, as it is told a concert and a date at a time. */
static void check_distinct(struct season_faults *faults, const struct season *season)
{
    char pointer[POINTER_SIZE];
    for (size_t i = 0; i < season->concert_count; i++) {
        const struct season_concert *concert = &season->concerts[i];
        for (size_t j = 0; j < i; j++) {
            if (concert->concert_id[0] == '\0' ||
                strcmp(concert->concert_id, season->concerts[j].concert_id) != 0)
                continue;
            snprintf(pointer, sizeof pointer, "/concerts/%zu/concert_id", i);
            season_fault(faults, pointer, "is that of /concerts/%zu", j);
            break;
        }
        for (size_t j = 1; j < concert->date_count; j++) {
            for (size_t k = 0; k < j; k++) {
                if (concert->dates[j].date[0] == '\0' ||
                    strcmp(concert->dates[j].date, concert->dates[k].date) != 0)
                    continue;
                snprintf(pointer, sizeof pointer, "/concerts/%zu/dates/%zu/date", i, j);
                season_fault(faults, pointer, "is that of /concerts/%zu/dates/%zu", i, k);
                break;
            }
        }
    }
}

bool season_read(json_t *root, struct season_faults *faults, struct season *ret_season)
{
    static const char *const members[] = {"concerts"};
    struct season season = {.root = root};
    struct object object = open_object(faults, root, "", members, ARRAY_LEN(members));
    const json_t *concerts =
        list_of(&object, "concerts", true, SEASON_CONCERTS_MAX, &season.concert_count);
    bool is_done = object.is_readable;
    season.concerts = calloc(season.concert_count + 1, sizeof *season.concerts);
    for (size_t i = 0; i < season.concert_count && season.concerts != NULL; i++)
        is_done =
            read_concert(faults, json_array_get(concerts, i), i, &season.concerts[i]) && is_done;
    if (!is_done || season.concerts == NULL) {
        season_done(&season);
        return false;
    }
    check_distinct(faults, &season);
    *ret_season = season;
    return true;
}

/* Heap text, or NULL. */
static char *read_whole(FILE *file, size_t *ret_size)
{
    char *text = malloc(SEASON_BYTES_MAX + 1);
    if (text == NULL)
        return NULL;
    *ret_size = fread(text, 1, SEASON_BYTES_MAX + 1, file);
    if (ferror(file) == 0 && *ret_size <= SEASON_BYTES_MAX)
        return text;
    free(text);
    return NULL;
}

bool season_read_file(const char *path, struct season_faults *faults, struct season *ret_season)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    size_t size = 0;
    char *text = file == NULL ? NULL : read_whole(file, &size);
    if (file != NULL && file != stdin)
        fclose(file);
    if (text == NULL) {
        season_fault(faults, path, "cannot be read, or has more than %d bytes", SEASON_BYTES_MAX);
        return false;
    }
    json_error_t error;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    free(text);
    if (root != NULL)
        return season_read(root, faults, ret_season);
    season_fault(faults, path, "is not JSON: line %d, column %d: %s", error.line, error.column,
                 error.text);
    return false;
}

void season_done(struct season *season)
{
    for (size_t i = 0; i < season->concert_count && season->concerts != NULL; i++)
        free(season->concerts[i].dates);
    free(season->concerts);
    json_decref(season->root);
    *season = (struct season){0};
}

/* "starts_at_unix_ms" is written as "starts_at", "price_won" as "price". */
static size_t written_length(const char *member)
{
    static const char *const units[] = {"_unix_ms", "_won"};
    const size_t length = strlen(member);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        const size_t unit = strlen(units[i]);
        if (length > unit && strcmp(member + length - unit, units[i]) == 0)
            return length - unit;
    }
    return length;
}

void season_map_pointer(const char *told, size_t concert, size_t date, char *ret_pointer,
                        size_t size)
{
    static const char of_concert[] = "/concert", of_date[] = "/dates/0";
    if (strncmp(told, of_date, sizeof of_date - 1) == 0) {
        const char *rest = told + sizeof of_date - 1;
        snprintf(ret_pointer, size, "/concerts/%zu/dates/%zu%.*s", concert, date,
                 (int)written_length(rest), rest);
        return;
    }
    if (strncmp(told, of_concert, sizeof of_concert - 1) == 0)
        told += sizeof of_concert - 1;
    snprintf(ret_pointer, size, "/concerts/%zu%s", concert, told);
}
