#include "config/config.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

enum { FILE_SECRET_MAX = 4096, VARIABLE_NAME_MAX = 128 };

/* Says what is wrong with one setting; the caller counts. */
static bool complain(FILE *errors, const struct config_setting *setting, const char *what)
{
    fprintf(errors, "%s: %s\n", setting->name, what);
    return false;
}

static void *field_of(const struct config_setting *setting, void *config)
{
    return (char *)config + setting->offset;
}

static bool is_text(enum config_kind kind)
{
    return kind == CONFIG_TEXT || kind == CONFIG_SECRET;
}

static bool set_int(const struct config_setting *setting, const char *text, int64_t *field,
                    FILE *errors)
{
    char digits[32];
    base_copy_text(digits, sizeof digits, text);
    const size_t length = strlen(digits);
    if (setting->kind == CONFIG_RATE && length > 2 && strcmp(digits + length - 2, "/s") == 0)
        digits[length - 2] = '\0';

    int64_t value;
    if (strlen(text) >= sizeof digits || !base_parse_int64(digits, &value))
        return complain(errors, setting, "is not a whole number");
    if (value < setting->min || value > setting->max) {
        fprintf(errors, "%s: %lld is not within %lld to %lld\n", setting->name, (long long)value,
                (long long)setting->min, (long long)setting->max);
        return false;
    }
    *field = value;
    return true;
}

static bool set_bool(const struct config_setting *setting, const char *text, bool *field,
                     FILE *errors)
{
    const bool on = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    if (!on && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
        return complain(errors, setting, "is not true or false");
    *field = on;
    return true;
}

static bool set_choice(const struct config_setting *setting, const char *text, int *field,
                       FILE *errors)
{
    const size_t length = strlen(text);
    int index = 0;
    for (const char *choice = setting->unit; choice != NULL; index++) {
        const char *end = strchr(choice, '|');
        const size_t choice_length = end == NULL ? strlen(choice) : (size_t)(end - choice);
        if (length == choice_length && strncmp(choice, text, length) == 0) {
            *field = index;
            return true;
        }
        choice = end == NULL ? NULL : end + 1;
    }
    fprintf(errors, "%s: must be one of %s\n", setting->name, setting->unit);
    return false;
}

static bool set_text(const struct config_setting *setting, const char *text, char **field,
                     FILE *errors)
{
    const int64_t length = (int64_t)strlen(text);
    if (length < setting->min || length > setting->max) {
        fprintf(errors, "%s: must have %lld to %lld characters\n", setting->name,
                (long long)setting->min, (long long)setting->max);
        return false;
    }
    *field = strdup(text);
    return *field != NULL;
}

static bool set_value(const struct config_setting *setting, const char *text, void *config,
                      FILE *errors)
{
    void *field = field_of(setting, config);
    switch (setting->kind) {
    case CONFIG_INT:
    case CONFIG_RATE:
        return set_int(setting, text, field, errors);
    case CONFIG_BOOL:
        return set_bool(setting, text, field, errors);
    case CONFIG_CHOICE:
        return set_choice(setting, text, field, errors);
    case CONFIG_TEXT:
    case CONFIG_SECRET:
        return set_text(setting, text, field, errors);
    }
    return false;
}

static bool read_secret_file(const struct config_setting *setting, const char *path, char *buffer,
                             FILE *errors)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return complain(errors, setting, "its file cannot be opened");
    size_t size = fread(buffer, 1, FILE_SECRET_MAX, file);
    const bool whole = feof(file) != 0 && ferror(file) == 0;
    fclose(file);
    if (!whole)
        return complain(errors, setting, "its file cannot be read or is too large");
    if (size > 0 && buffer[size - 1] == '\n')
        size--;
    buffer[size] = '\0';
    return strlen(buffer) == size || complain(errors, setting, "its file holds a NUL");
}

static bool load_one(const struct config_setting *setting, void *config, FILE *errors)
{
    char buffer[FILE_SECRET_MAX + 1];
    const char *text = getenv(setting->name);
    if (setting->kind == CONFIG_SECRET) {
        char name[VARIABLE_NAME_MAX];
        snprintf(name, sizeof name, "%s_FILE", setting->name);
        const char *path = getenv(name);
        if (path != NULL && text != NULL)
            return complain(errors, setting, "is set both directly and by its file");
        if (path != NULL) {
            if (!read_secret_file(setting, path, buffer, errors))
                return false;
            text = buffer;
        }
    }
    if (text == NULL)
        text = setting->fallback;
    if (text == NULL)
        return complain(errors, setting, "is required");
    return set_value(setting, text, config, errors);
}

enum status config_load(const struct config_setting *table, size_t count, void *config,
                        FILE *errors)
{
    bool good = true;
    for (size_t i = 0; i < count; i++)
        good = load_one(&table[i], config, errors) && good;
    return good ? ST_OK : ST_INVALID_REQUEST;
}

void config_done(const struct config_setting *table, size_t count, void *config)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_text(table[i].kind))
            continue;
        char **field = field_of(&table[i], config);
        free(*field);
        *field = NULL;
    }
}

static const char *kind_text(const struct config_setting *setting)
{
    switch (setting->kind) {
    case CONFIG_INT:
        return setting->unit[0] == '\0' ? "number" : setting->unit;
    case CONFIG_RATE:
        return "number/s";
    case CONFIG_BOOL:
        return "true|false";
    case CONFIG_TEXT:
        return "text";
    case CONFIG_SECRET:
        return "secret";
    case CONFIG_CHOICE:
        return setting->unit;
    }
    return "";
}

void config_print_settings(const struct config_setting *table, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct config_setting *setting = &table[i];
        fprintf(out, "  %s%s\n      %s", setting->name,
                setting->kind == CONFIG_SECRET ? " or its file's path in ..._FILE" : "",
                kind_text(setting));
        if (setting->kind == CONFIG_INT || setting->kind == CONFIG_RATE)
            fprintf(out, ", %lld to %lld", (long long)setting->min, (long long)setting->max);
        if (setting->fallback == NULL)
            fprintf(out, ", required");
        else
            fprintf(out, ", default \"%s\"", setting->fallback);
        fprintf(out, "\n      %s\n", setting->help);
    }
}

void config_print_help(const struct config_setting *table, size_t count, const char *program,
                       FILE *out)
{
    fprintf(out, "usage: %s [--help | migrate]\n\nSettings, from the environment:\n\n", program);
    config_print_settings(table, count, out);
}

char *config_redact_url(const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *authority = scheme == NULL ? url : scheme + 3;
    const char *at = strpbrk(authority, "@/?");
    const char *colon = memchr(authority, ':', strcspn(authority, "@/?"));
    if (scheme == NULL || at == NULL || *at != '@' || colon == NULL)
        return strdup(url);
    char *redacted = NULL;
    if (asprintf(&redacted, "%.*s:***%s", (int)(colon - url), url, at) < 0)
        return NULL;
    return redacted;
}

static json_t *dump_text(const char *text)
{
    char *redacted = config_redact_url(text);
    json_t *value = json_string(redacted == NULL ? "" : redacted);
    free(redacted);
    return value;
}

static json_t *dump_choice(const struct config_setting *setting, int index)
{
    const char *choice = setting->unit;
    for (; index > 0; index--)
        choice = strchr(choice, '|') + 1;
    return json_stringn(choice, strcspn(choice, "|"));
}

static json_t *dump_one(const struct config_setting *setting, const void *config)
{
    const void *field = (const char *)config + setting->offset;
    switch (setting->kind) {
    case CONFIG_INT:
    case CONFIG_RATE:
        return json_integer(*(const int64_t *)field);
    case CONFIG_BOOL:
        return json_boolean(*(const bool *)field);
    case CONFIG_CHOICE:
        return dump_choice(setting, *(const int *)field);
    case CONFIG_SECRET:
        return json_string("***");
    case CONFIG_TEXT:
        return dump_text(*(char *const *)field);
    }
    return NULL;
}

char *config_dump(const struct config_setting *table, size_t count, const void *config)
{
    json_t *root = json_object();
    for (size_t i = 0; i < count; i++)
        json_object_set_new(root, table[i].name, dump_one(&table[i], config));
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}
