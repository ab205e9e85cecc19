#include "http/json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/uuid.h"

static void violate(struct ctx *ctx, const char *name, const char *what)
{
    char pointer[64];
    snprintf(pointer, sizeof pointer, "/%s", name);
    ctx_violate(ctx, pointer, "%s", what);
}

static void read_uuid(struct ctx *ctx, const struct http_member *member, const json_t *value,
                      void *field)
{
    if (!json_is_string(value) || !uuid_parse(json_string_value(value), field))
        violate(ctx, member->name, "must be a UUID");
}

static void read_date(struct ctx *ctx, const struct http_member *member, const json_t *value,
                      void *field)
{
    if (!json_is_string(value) || !clock_date_is_valid(json_string_value(value)))
        violate(ctx, member->name, "must be a date, YYYY-MM-DD");
    else
        memcpy(field, json_string_value(value), CLOCK_DATE_SIZE);
}

static void read_int(struct ctx *ctx, const struct http_member *member, const json_t *value,
                     int64_t *field)
{
    char pointer[64];
    snprintf(pointer, sizeof pointer, "/%s", member->name);
    if (!json_is_integer(value))
        ctx_violate(ctx, pointer, "must be a whole number");
    else if (json_integer_value(value) < member->min || json_integer_value(value) > member->max)
        ctx_violate(ctx, pointer, "must be %lld to %lld", (long long)member->min,
                    (long long)member->max);
    else
        *field = json_integer_value(value);
}

static void read_text(struct ctx *ctx, const struct http_member *member, const json_t *value,
                      char *field)
{
    const int64_t length = json_is_string(value) ? (int64_t)json_string_length(value) : -1;
    char pointer[64];
    snprintf(pointer, sizeof pointer, "/%s", member->name);
    if (length < 0)
        ctx_violate(ctx, pointer, "must be a text");
    else if (length < member->min || length > member->max)
        ctx_violate(ctx, pointer, "must have %lld to %lld bytes", (long long)member->min,
                    (long long)member->max);
    else
        memcpy(field, json_string_value(value), (size_t)length + 1);
}

static void read_member(struct ctx *ctx, const struct http_member *member, const json_t *value,
                        void *object)
{
    void *field = (char *)object + member->offset;
    switch (member->kind) {
    case HTTP_UUID:
        read_uuid(ctx, member, value, field);
        break;
    case HTTP_DATE:
        read_date(ctx, member, value, field);
        break;
    case HTTP_INT:
        read_int(ctx, member, value, field);
        break;
    case HTTP_TEXT:
        read_text(ctx, member, value, field);
        break;
    }
}

static bool is_member(const struct http_member *members, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(members[i].name, name) == 0)
            return true;
    }
    return false;
}

static void json_done(json_t **value)
{
    json_decref(*value);
    *value = NULL;
}

enum status http_read_json(struct ctx *ctx, const struct http_request *request,
                           const struct http_member *members, size_t count, void *ret_object)
{
    size_t size;
    const char *body = http_body(request, &size);
    json_error_t error;
    /* jansson checks UTF-8, refuses NUL, and bounds depth; the body's limit bounds the rest. */
    scoped(json_done) json_t *root = json_loadb(body, size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        ctx_violate(ctx, "", "is not JSON: %s", error.text);
    else if (!json_is_object(root))
        ctx_violate(ctx, "", "must be an object");
    if (!json_is_object(root))
        return ctx_checked(ctx);

    const char *name;
    json_t *value;
    json_object_foreach(root, name, value)
    {
        if (!is_member(members, count, name))
            violate(ctx, name, "is not known here");
    }
    for (size_t i = 0; i < count; i++) {
        value = json_object_get(root, members[i].name);
        if (value != NULL)
            read_member(ctx, &members[i], value, ret_object);
        else if (members[i].required)
            violate(ctx, members[i].name, "is required");
    }
    return ctx_checked(ctx);
}

enum status http_write_json(struct ctx *ctx, struct http_response *response, struct json_t *root)
{
    char *text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    const size_t size = text == NULL ? 0 : strlen(text);
    char *copy = text == NULL ? NULL : arena_memdup(ctx->arena, text, size + 1);
    free(text);
    if (copy == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "no room for the response");
    response->body = copy;
    response->body_size = size;
    return ST_OK;
}
