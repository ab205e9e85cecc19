/* Settings: both sides of each limit, all complaints at once, and no secret in any output. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"

struct sample {
    int64_t ttl_ms, rate;
    bool strict;
    int policy;
    char *name, *secret;
};

#define FIELD(member) offsetof(struct sample, member)

static const struct config_setting table[] = {
    {"T_TTL_MS", CONFIG_INT, FIELD(ttl_ms), "300", 100, 1000, "ms", "how long"},
    {"T_RATE", CONFIG_RATE, FIELD(rate), "50/s", 0, 5000, "", "how often"},
    {"T_STRICT", CONFIG_BOOL, FIELD(strict), "false", 0, 0, "", "whether"},
    {"T_POLICY", CONFIG_CHOICE, FIELD(policy), "counter", 0, 0, "counter|gate|both", "which"},
    {"T_NAME", CONFIG_TEXT, FIELD(name), "main", 1, 8, "", "what name"},
    {"T_SECRET", CONFIG_SECRET, FIELD(secret), "fallback-secret", 4, 32, "", "what key"},
};
enum { COUNT = ARRAY_LEN(table) };

static void clear_environment(void)
{
    for (size_t i = 0; i < COUNT; i++)
        unsetenv(table[i].name);
    unsetenv("T_SECRET_FILE");
    unsetenv("T_NEEDED");
}

/* Loads with NAME=value set; complaints as text the caller frees. */
static enum status load_rows(const struct config_setting rows[], size_t count,
                             struct sample *sample, char **ret_errors)
{
    size_t size;
    FILE *errors = open_memstream(ret_errors, &size);
    ck_assert_ptr_nonnull(errors);
    const enum status status = config_load(rows, count, sample, errors);
    fclose(errors);
    return status;
}

static enum status load(struct sample *sample, char **ret_errors)
{
    return load_rows(table, COUNT, sample, ret_errors);
}

START_TEST(without_an_environment_the_fallbacks_are_in_force)
{
    struct sample sample = {0};
    char *errors = NULL;
    ck_assert_int_eq(load(&sample, &errors), ST_OK);
    ck_assert_str_eq(errors, "");
    ck_assert_int_eq(sample.ttl_ms, 300);
    ck_assert_int_eq(sample.rate, 50);
    ck_assert(!sample.strict);
    ck_assert_int_eq(sample.policy, 0);
    ck_assert_str_eq(sample.name, "main");
    ck_assert_str_eq(sample.secret, "fallback-secret");
    config_done(table, COUNT, &sample);
    ck_assert_ptr_null(sample.name);
    ck_assert_ptr_null(sample.secret);
    free(errors);
}
END_TEST

static const struct value {
    const char *name, *text;
    bool good;
} values[] = {
    {"T_TTL_MS", "100", true},
    {"T_TTL_MS", "99", false},
    {"T_TTL_MS", "1000", true},
    {"T_TTL_MS", "1001", false},
    {"T_TTL_MS", "", false},
    {"T_TTL_MS", "1e2", false},
    {"T_TTL_MS", " 100", false},
    {"T_TTL_MS", "9223372036854775808", false},
    {"T_TTL_MS", "100/s", false},
    {"T_TTL_MS", "000000000000000000000000000000100", false},
    {"T_RATE", "0", true},
    {"T_RATE", "-1", false},
    {"T_RATE", "5000/s", true},
    {"T_RATE", "5001/s", false},
    {"T_RATE", "/s", false},
    {"T_RATE", "5/m", false},
    {"T_STRICT", "true", true},
    {"T_STRICT", "1", true},
    {"T_STRICT", "0", true},
    {"T_STRICT", "yes", false},
    {"T_STRICT", "", false},
    {"T_POLICY", "both", true},
    {"T_POLICY", "gate", true},
    {"T_POLICY", "gat", false},
    {"T_POLICY", "gate|both", false},
    {"T_POLICY", "", false},
    {"T_NAME", "12345678", true},
    {"T_NAME", "123456789", false},
    {"T_NAME", "", false},
    {"T_SECRET", "1234", true},
    {"T_SECRET", "123", false},
};

START_TEST(a_value_is_within_its_limits_or_named_in_a_complaint)
{
    const struct value *value = &values[_i];
    struct sample sample = {0};
    char *errors = NULL;
    setenv(value->name, value->text, 1);
    ck_assert_msg(load(&sample, &errors) == (value->good ? ST_OK : ST_INVALID_REQUEST), "%s=%s",
                  value->name, value->text);
    if (value->good)
        ck_assert_str_eq(errors, "");
    else
        ck_assert_msg(strncmp(errors, value->name, strlen(value->name)) == 0, "%s", errors);
    config_done(table, COUNT, &sample);
    free(errors);
}
END_TEST

START_TEST(all_bad_settings_are_reported_together)
{
    static const struct config_setting more[] = {
        {"T_TTL_MS", CONFIG_INT, FIELD(ttl_ms), "300", 100, 1000, "ms", "how long"},
        {"T_POLICY", CONFIG_CHOICE, FIELD(policy), "counter", 0, 0, "counter|gate", "which"},
        {"T_NEEDED", CONFIG_TEXT, FIELD(name), NULL, 1, 8, "", "what"},
    };
    struct sample sample = {0};
    char *errors = NULL;
    setenv("T_TTL_MS", "soon", 1);
    setenv("T_POLICY", "lottery", 1);
    ck_assert_int_eq(load_rows(more, ARRAY_LEN(more), &sample, &errors), ST_INVALID_REQUEST);
    ck_assert_str_eq(errors, "T_TTL_MS: is not a whole number\n"
                             "T_POLICY: must be one of counter|gate\n"
                             "T_NEEDED: is required\n");
    free(errors);
}
END_TEST

/* Writes a private file of these bytes; its path goes into T_SECRET_FILE. */
static void give_secret_file(const char *bytes, size_t size, char path[static 32])
{
    snprintf(path, 32, "/tmp/test_config_XXXXXX");
    const int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq((int)write(file, bytes, size), (int)size);
    close(file);
    setenv("T_SECRET_FILE", path, 1);
}

START_TEST(a_secret_may_come_from_a_file_without_its_last_newline)
{
    char path[32], *errors = NULL;
    struct sample sample = {0};
    give_secret_file("from-a-file\n", 12, path);
    ck_assert_int_eq(load(&sample, &errors), ST_OK);
    ck_assert_str_eq(sample.secret, "from-a-file");
    config_done(table, COUNT, &sample);
    free(errors);
    unlink(path);
}
END_TEST

START_TEST(a_secret_file_must_be_readable_whole_and_the_only_source)
{
    static char large[5000];
    static const struct {
        const char *bytes;
        size_t size;
        const char *direct, *complaint;
    } cases[] = {
        {"ab\0cd", 5, NULL, "T_SECRET: its file holds a NUL\n"},
        {large, sizeof large, NULL, "T_SECRET: its file cannot be read or is too large\n"},
        {"good-one", 8, "direct", "T_SECRET: is set both directly and by its file\n"},
    };
    memset(large, 'x', sizeof large);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char path[32], *errors = NULL;
        struct sample sample = {0};
        give_secret_file(cases[i].bytes, cases[i].size, path);
        if (cases[i].direct != NULL)
            setenv("T_SECRET", cases[i].direct, 1);
        ck_assert_int_eq(load(&sample, &errors), ST_INVALID_REQUEST);
        ck_assert_str_eq(errors, cases[i].complaint);
        config_done(table, COUNT, &sample);
        free(errors);
        unlink(path);
        unsetenv("T_SECRET");
    }
    char *errors = NULL;
    struct sample sample = {0};
    setenv("T_SECRET_FILE", "/nowhere/at/all", 1);
    ck_assert_int_eq(load(&sample, &errors), ST_INVALID_REQUEST);
    ck_assert_str_eq(errors, "T_SECRET: its file cannot be opened\n");
    config_done(table, COUNT, &sample);
    free(errors);
}
END_TEST

START_TEST(help_and_dump_show_every_setting_and_no_secret)
{
    char *errors = NULL, *help = NULL;
    size_t size;
    struct sample sample = {0};
    setenv("T_SECRET", "do-not-tell", 1);
    ck_assert_int_eq(load(&sample, &errors), ST_OK);

    FILE *out = open_memstream(&help, &size);
    config_print_help(table, COUNT, "sample", out);
    fclose(out);
    for (size_t i = 0; i < COUNT; i++)
        ck_assert_ptr_nonnull(strstr(help, table[i].name));
    ck_assert_ptr_nonnull(strstr(help, "ms, 100 to 1000, default \"300\""));
    ck_assert_ptr_nonnull(strstr(help, "counter|gate|both"));
    ck_assert_ptr_null(strstr(help, "do-not-tell"));

    char *dump = config_dump(table, COUNT, &sample);
    ck_assert_str_eq(dump, "{\"T_TTL_MS\":300,\"T_RATE\":50,\"T_STRICT\":false,\"T_POLICY\":"
                           "\"counter\",\"T_NAME\":\"main\",\"T_SECRET\":\"***\"}");
    free(dump);
    free(help);
    free(errors);
    config_done(table, COUNT, &sample);
}
END_TEST

START_TEST(a_password_in_a_url_is_never_shown)
{
    static const char *const urls[][2] = {
        {"postgres://user:secret@host:5432/db", "postgres://user:***@host:5432/db"},
        {"redis://:secret@host/0", "redis://:***@host/0"},
        {"postgres://user@host/db", "postgres://user@host/db"},
        {"postgres://host:5432/db?note=a:b@c", "postgres://host:5432/db?note=a:b@c"},
        {"127.0.0.1:50051", "127.0.0.1:50051"},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        char *shown = config_redact_url(urls[i][0]);
        ck_assert_str_eq(shown, urls[i][1]);
        free(shown);
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("config");
    tcase_add_checked_fixture(cases, clear_environment, clear_environment);
    tcase_add_test(cases, without_an_environment_the_fallbacks_are_in_force);
    tcase_add_loop_test(cases, a_value_is_within_its_limits_or_named_in_a_complaint, 0,
                        (int)ARRAY_LEN(values));
    tcase_add_test(cases, all_bad_settings_are_reported_together);
    tcase_add_test(cases, a_secret_may_come_from_a_file_without_its_last_newline);
    tcase_add_test(cases, a_secret_file_must_be_readable_whole_and_the_only_source);
    tcase_add_test(cases, help_and_dump_show_every_setting_and_no_secret);
    tcase_add_test(cases, a_password_in_a_url_is_never_shown);
    Suite *suite = suite_create("config");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
