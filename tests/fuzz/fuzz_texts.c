/* What people write, one reader after the other, each against something that knows better: the C
 * library, iconv, or the value that was written down. */
#include <check.h>
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/ctx.h"
#include "base/uuid.h"
#include "fuzz.h"
#include "http/internal.h"
#include "kv/url.h"
#include "token/identity.h"
#include "token/jwk.h"
#include "token/token.h"

enum { ROUNDS = 20000, TEXT_MAX = 1200 };

static struct fuzz fuzz;
static unsigned char block[256 * 1024];
static struct arena arena;
static struct ctx ctx;
static char text[TEXT_MAX];

static void set_up(void)
{
    fuzz_init(&fuzz);
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
}

/* One of the seeds, mutated, in `text`; every tenth as it is. */
static const char *next_text(const char *const seeds[], size_t count)
{
    base_copy_text(text, sizeof text, seeds[fuzz_below(&fuzz, count)]);
    if (fuzz_below(&fuzz, 10) != 0)
        fuzz_mutate_text(&fuzz, text, sizeof text);
    return text;
}

START_TEST(a_number_is_what_strtoll_reads)
{
    static const char *const seeds[] = {"0", "-1", "9223372036854775807", "-9223372036854775808",
                                        "50"};
    size_t accepted = 0;
    for (size_t i = fuzz_rounds(ROUNDS); i > 0; i--) {
        int64_t value = 77;
        char *end;
        const char *number = next_text(seeds, ARRAY_LEN(seeds));
        if (!base_parse_int64(number, &value)) {
            ck_assert_int_eq(value, 77);
            continue;
        }
        errno = 0;
        ck_assert_msg(strtoll(number, &end, 10) == value && errno == 0 && *end == '\0', "%s",
                      number);
        ck_assert(number[0] == '-' || (number[0] >= '0' && number[0] <= '9'));
        accepted++;
    }
    ck_assert_uint_gt(accepted, 0);
}
END_TEST

START_TEST(utf8_is_what_iconv_reads)
{
    static const char seed[] = "a\xc3\xa9\xec\x95\x84\xf0\x9f\x8e\xab"
                               "z\xed\x9f\xbf\xf4\x8f\xbf\xbf";
    iconv_t reader = iconv_open("UTF-32LE", "UTF-8");
    ck_assert_ptr_ne(reader, (iconv_t)-1);
    size_t accepted = 0;
    for (size_t i = fuzz_rounds(ROUNDS); i > 0; i--) {
        uint8_t bytes[64];
        char out[4 * sizeof bytes];
        memcpy(bytes, seed, sizeof seed - 1);
        const size_t size = fuzz_mutate(&fuzz, bytes, sizeof seed - 1, sizeof bytes);
        char *from = (char *)bytes, *to = out;
        size_t left = size, room = sizeof out;
        iconv(reader, NULL, NULL, NULL, NULL);
        const bool good = iconv(reader, &from, &left, &to, &room) != (size_t)-1 &&
                          memchr(bytes, '\0', size) == NULL;
        ck_assert_msg(base_is_utf8((const char *)bytes, size) == good, "round %zu", i);
        accepted += good;
    }
    iconv_close(reader);
    ck_assert_uint_gt(accepted, 0);
}
END_TEST

START_TEST(a_date_is_a_day_that_there_is)
{
    static const char *const seeds[] = {"2026-11-25", "2024-02-29", "2100-02-28", "1970-01-01",
                                        "9999-12-31"};
    size_t accepted = 0;
    for (size_t i = fuzz_rounds(ROUNDS); i > 0; i--) {
        const char *date = next_text(seeds, ARRAY_LEN(seeds));
        if (!clock_date_is_valid(date))
            continue;
        char again[CLOCK_DATE_SIZE];
        clock_format_date(clock_date_to_wall_ms(date), again);
        ck_assert_str_eq(again, date);
        struct tm day = {0};
        ck_assert_ptr_nonnull(strptime(date, "%Y-%m-%d", &day));
        ck_assert_int_eq(timegm(&day) * 1000, clock_date_to_wall_ms(date));
        accepted++;
    }
    ck_assert_uint_gt(accepted, 0);
}
END_TEST

START_TEST(a_uuid_is_kept_in_lower_case)
{
    static const char *const seeds[] = {"01a20da5-ac09-7000-90bf-93cafee19d33",
                                        "B93FBA5F-995E-44C0-9AB2-7510D70180D8"};
    size_t accepted = 0;
    for (size_t i = fuzz_rounds(ROUNDS); i > 0; i--) {
        struct uuid uuid = {"untouched"};
        const char *given = next_text(seeds, ARRAY_LEN(seeds));
        if (uuid_parse(given, &uuid)) {
            ck_assert(uuid_is_valid(uuid.text));
            ck_assert_int_eq(strcasecmp(uuid.text, given), 0);
            accepted++;
        } else {
            ck_assert_str_eq(uuid.text, "untouched");
        }
    }
    ck_assert_uint_gt(accepted, 0);
}
END_TEST

START_TEST(a_changed_token_is_no_token_or_the_same_one)
{
    struct token_key *key = NULL;
    struct token_claims claims = {.queue = "main", .sequence = 42, .issued_at_unix_ms = 1764036531};
    const char *signed_text = NULL;
    ck_assert_int_eq(token_key_new("a secret of thirty-two bytes or more", &key), ST_OK);
    uuid_v4(&claims.user_id);
    uuid_v7(&claims.token_id);
    ck_assert_int_eq(token_sign(&ctx, key, &claims, &signed_text), ST_OK);
    char original[TEXT_MAX];
    base_copy_text(original, sizeof original, signed_text);
    const char *const seeds[] = {original};
    size_t refused = 0;
    for (size_t i = fuzz_rounds(ROUNDS) / 4; i > 0; i--) {
        struct token_claims read;
        arena_reset(&arena);
        ctx_forgive(&ctx);
        const enum status status =
            token_verify(&ctx, key, next_text(seeds, ARRAY_LEN(seeds)), &read);
        if (status != ST_OK) {
            ck_assert_int_eq(status, ST_TOKEN_INVALID);
            refused++;
            continue;
        }
        ck_assert_str_eq(read.user_id.text, claims.user_id.text);
        ck_assert_str_eq(read.token_id.text, claims.token_id.text);
        ck_assert_str_eq(read.queue, claims.queue);
        ck_assert_int_eq(read.sequence, claims.sequence);
    }
    ck_assert_uint_gt(refused, 0);
    token_key_free(&key);
}
END_TEST

/* Signed by the secret below, good until 2096. */
static const char identity_token[] =
    "eyJhbGciOiJIUzI1NiJ9."
    "eyJzdWIiOiIwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDEiLCJleHAiOjQwMDAwMDAwMDB9.IXcPd-"
    "yYZiPpdht89pPyw9ZJ-5JnFrhw01_fOwio1-I";

START_TEST(a_changed_identity_is_none_or_the_same_one)
{
    const struct identity_options options = {.secret = "the provider's secret, thirty-two bytes"};
    const char *const seeds[] = {identity_token};
    char why[256];
    struct identity *identity = NULL;
    ck_assert_int_eq(identity_new(&options, why, &identity), ST_OK);
    size_t accepted = 0;
    for (size_t i = fuzz_rounds(ROUNDS); i > 0; i--) {
        struct uuid user_id;
        arena_reset(&arena);
        ctx_init(&ctx, &arena);
        if (identity_verify(&ctx, identity, next_text(seeds, ARRAY_LEN(seeds)), 1764036531,
                            &user_id) != ST_OK)
            continue;
        ck_assert_str_eq(text, identity_token);
        accepted++;
    }
    ck_assert_uint_gt(accepted, 0);
    identity_free(&identity);
}
END_TEST

/* The curve's key is the example of RFC 7517, A.1. */
START_TEST(a_changed_set_of_keys_is_none_or_has_whole_keys)
{
    static const char *const seeds[] = {
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"1\",\"x\":"
        "\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6K"
        "PAqv7D4\",\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}]}"};
    static struct jwk_set set;
    size_t accepted = 0;
    for (size_t i = fuzz_rounds(ROUNDS / 4); i > 0; i--) {
        char why[128] = "";
        const char *keys = next_text(seeds, ARRAY_LEN(seeds));
        if (!jwk_set_parse(keys, strlen(keys), why, &set)) {
            ck_assert_str_ne(why, "");
            continue;
        }
        accepted++;
        ck_assert(set.count == 1 && set.keys[0].key != NULL && set.keys[0].alg == JWK_ES256);
        jwk_set_done(&set);
    }
    ck_assert_uint_gt(accepted, 0);
}
END_TEST

START_TEST(an_address_of_redis_has_all_its_parts_or_is_none)
{
    static const char *const seeds[] = {"redis://127.0.0.1:6379/0", "redis://:pass%20word@host",
                                        "redis://user:secret@[::1]:7000/15", "redis://h"};
    size_t accepted = 0;
    for (size_t i = fuzz_rounds(ROUNDS); i > 0; i--) {
        struct kv_url url = {.port = -5};
        if (kv_url_parse(next_text(seeds, ARRAY_LEN(seeds)), &url) != ST_OK) {
            ck_assert_int_eq(url.port, -5);
            continue;
        }
        ck_assert_str_ne(url.host, "");
        ck_assert(url.port >= 1 && url.port <= 65535);
        ck_assert(url.database >= 0 && url.database <= KV_DATABASE_MAX);
        accepted++;
    }
    ck_assert_uint_gt(accepted, 0);
}
END_TEST

START_TEST(a_trace_is_taken_as_it_came_or_begun_anew)
{
    static const char *const seeds[] = {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
    size_t accepted = 0;
    for (size_t i = fuzz_rounds(ROUNDS); i > 0; i--) {
        const char *given = next_text(seeds, ARRAY_LEN(seeds));
        char sent[CTX_TRACEPARENT_SIZE];
        ctx_init(&ctx, &arena);
        const bool taken = ctx_continue_trace(&ctx, given);
        ctx_format_traceparent(&ctx, sent);
        ck_assert_uint_eq(strlen(sent), CTX_TRACEPARENT_SIZE - 1);
        ck_assert_uint_eq(strspn(ctx.trace_id, "0123456789abcdef"), 32);
        ck_assert_int_eq(taken, strncmp(given + 3, ctx.trace_id, 32) == 0);
        accepted += taken;
    }
    ck_assert_uint_gt(accepted, 0);
}
END_TEST

START_TEST(a_decoded_part_of_a_path_is_text_that_fits)
{
    static const char *const seeds[] = {"%EC%95%84%20b", "2026-11-25", "%41%zz", "%"};
    for (size_t i = fuzz_rounds(ROUNDS); i > 0; i--) {
        char decoded[24];
        memset(decoded, 'x', sizeof decoded);
        if (!http_decode(next_text(seeds, ARRAY_LEN(seeds)), decoded, sizeof decoded))
            continue;
        const size_t size = strnlen(decoded, sizeof decoded);
        ck_assert_uint_lt(size, sizeof decoded);
        ck_assert(base_is_utf8(decoded, size));
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("texts");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, set_up, NULL);
    tcase_add_test(cases, a_number_is_what_strtoll_reads);
    tcase_add_test(cases, utf8_is_what_iconv_reads);
    tcase_add_test(cases, a_date_is_a_day_that_there_is);
    tcase_add_test(cases, a_uuid_is_kept_in_lower_case);
    tcase_add_test(cases, a_changed_token_is_no_token_or_the_same_one);
    tcase_add_test(cases, a_changed_identity_is_none_or_the_same_one);
    tcase_add_test(cases, a_changed_set_of_keys_is_none_or_has_whole_keys);
    tcase_add_test(cases, an_address_of_redis_has_all_its_parts_or_is_none);
    tcase_add_test(cases, a_trace_is_taken_as_it_came_or_begun_anew);
    tcase_add_test(cases, a_decoded_part_of_a_path_is_text_that_fits);
    Suite *suite = suite_create("fuzz: texts");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
