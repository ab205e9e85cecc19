/* Settings from the environment, by one table a service: the table is the documentation. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/macros.h"
#include "base/status.h"

enum config_kind {
    CONFIG_INT,    /* int64_t within min..max */
    CONFIG_BOOL,   /* bool: true|false|1|0 */
    CONFIG_TEXT,   /* char *, length within min..max */
    CONFIG_SECRET, /* as CONFIG_TEXT, never printed; NAME_FILE names a file that holds it */
    CONFIG_CHOICE, /* int: index into `choices`, "a|b|c" */
    CONFIG_RATE,   /* int64_t: a whole number a second, optionally written "50/s" */
};

struct config_setting {
    const char *name; /* environment variable */
    enum config_kind kind;
    size_t offset;        /* of the field in the service's config struct: use FIELD() */
    const char *fallback; /* as text; NULL: the setting is required; "" for text: empty */
    int64_t min, max;
    const char *unit; /* "ms", "won", "" ... ; for CONFIG_CHOICE the choices "a|b|c" */
    const char *help; /* one sentence fragment */
};

/* Within a service's config.c: #define FIELD(member) offsetof(struct x_config, member) */

/* Reads every setting into *config (zero it before). Reports ALL bad ones, one a line, to `errors`
 * and returns ST_INVALID_REQUEST if there was any. Text is heap-owned by the config: config_done
 * frees it. A secret is read from NAME or, when NAME is unset, from the file NAME_FILE (one
 * trailing newline dropped); both set is an error. An unset secret without fallback is an error. */
enum status config_load(const struct config_setting *table, size_t count, void *config,
                        FILE *errors) MUST_CHECK;
void config_done(const struct config_setting *table, size_t count, void *config);

/* The table for --help: name, kind or choices, default, range, unit, sentence. */
void config_print_help(const struct config_setting *table, size_t count, const char *program,
                       FILE *out);
/* The rows alone. */
void config_print_settings(const struct config_setting *table, size_t count, FILE *out);
/* The values in force as one JSON object; secrets as "***", and so is the password in a URL. The
 * result is heap text for the caller to free. */
char *config_dump(const struct config_setting *table, size_t count, const void *config);

/* "postgres://user:secret@host/db" with the password replaced by "***"; heap text for the caller.
 */
char *config_redact_url(const char *url);

#endif
