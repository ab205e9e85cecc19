#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "token/token.h"

static unsigned char block[16384];
static struct arena arena;
static struct ctx ctx;
static struct token_key *key;
static const struct token_claims claims = {
    .user_id = {"0190b0f0-0000-7000-8000-000000000001"},
    .token_id = {"0190b0f0-0000-7000-8000-000000000002"},
    .queue = "main",
    .sequence = 17,
    .issued_at_unix_ms = 1764000000123,
};

static void set_up(void)
{
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
    ck_assert_int_eq(token_key_new("0123456789abcdef0123456789abcdef", &key), ST_OK);
}

static void tear_down(void)
{
    token_key_free(&key);
    ck_assert_ptr_null(key);
}

static const char *sign(const struct token_claims *what)
{
    const char *token = NULL;
    ck_assert_int_eq(token_sign(&ctx, key, what, &token), ST_OK);
    return token;
}

static enum status verify(const char *token)
{
    struct token_claims read;
    ctx_forgive(&ctx);
    return token_verify(&ctx, key, token, &read);
}

START_TEST(a_token_says_what_was_signed)
{
    struct token_claims read;
    ck_assert_int_eq(token_verify(&ctx, key, sign(&claims), &read), ST_OK);
    ck_assert_str_eq(read.user_id.text, claims.user_id.text);
    ck_assert_str_eq(read.token_id.text, claims.token_id.text);
    ck_assert_str_eq(read.queue, "main");
    ck_assert_int_eq(read.sequence, 17);
    ck_assert_int_eq(read.issued_at_unix_ms, 1764000000123);
}
END_TEST

START_TEST(a_secret_has_at_least_32_bytes)
{
    struct token_key *short_key = NULL;
    ck_assert_int_eq(token_key_new("0123456789abcdef0123456789abcde", &short_key),
                     ST_INVALID_REQUEST);
    ck_assert_ptr_null(short_key);
}
END_TEST

START_TEST(any_changed_byte_makes_it_invalid)
{
    const char *token = sign(&claims);
    const size_t length = strlen(token);
    char changed[TOKEN_TEXT_MAX];
    /* The very last character carries two unused bits: leave it out. */
    for (size_t i = 0; i + 1 < length; i++) {
        memcpy(changed, token, length + 1);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        ck_assert_msg(verify(changed) == ST_TOKEN_INVALID, "byte %zu", i);
    }
}
END_TEST

START_TEST(other_shapes_are_invalid)
{
    /* {"alg":"none"} with our claims, no signature; and with an empty one. */
    static const char *const bad[] = {
        "",
        ".",
        "..",
        "x.y.z",
        "eyJhbGciOiJub25lIn0."
        "eyJzdWIiOiIwMTkwYjBmMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiLCJqdGkiOiIw"
        "MTkwYjBmMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDIiLCJxdWV1ZSI6Im1haW4iLCJzZXEiOjE3LCJpYXQiOj"
        "E3"
        "NjQwMDAwMDAsImlhdF9tcyI6MTc2NDAwMDAwMDEyM30.",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(verify(bad[i]) == ST_TOKEN_INVALID, "row %zu", i);
    char long_token[TOKEN_TEXT_MAX + 2];
    memset(long_token, 'a', sizeof long_token - 1);
    long_token[sizeof long_token - 1] = '\0';
    ck_assert_int_eq(verify(long_token), ST_TOKEN_INVALID);
}
END_TEST

START_TEST(another_key_does_not_verify)
{
    const char *token = sign(&claims);
    struct token_key *other = NULL;
    struct token_claims read;
    ck_assert_int_eq(token_key_new("fedcba9876543210fedcba9876543210", &other), ST_OK);
    ck_assert_int_eq(token_verify(&ctx, other, token, &read), ST_TOKEN_INVALID);
    token_key_free(&other);
}
END_TEST

START_TEST(claims_out_of_range_are_invalid_though_signed)
{
    struct token_claims wrong = claims;
    wrong.sequence = 0;
    ck_assert_int_eq(verify(sign(&wrong)), ST_TOKEN_INVALID);
    wrong = claims;
    wrong.issued_at_unix_ms = -1;
    ck_assert_int_eq(verify(sign(&wrong)), ST_TOKEN_INVALID);
    wrong = claims;
    wrong.queue[0] = 'M';
    ck_assert_int_eq(verify(sign(&wrong)), ST_TOKEN_INVALID);
    wrong = claims;
    wrong.user_id.text[0] = 'x';
    ck_assert_int_eq(verify(sign(&wrong)), ST_TOKEN_INVALID);
}
END_TEST

START_TEST(a_queue_name_has_1_to_64_of_its_characters)
{
    char name[TOKEN_QUEUE_MAX + 2];
    memset(name, 'q', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert(!token_queue_is_valid(name));
    name[TOKEN_QUEUE_MAX] = '\0';
    ck_assert(token_queue_is_valid(name));
    ck_assert(token_queue_is_valid("a-z_09"));
    ck_assert(!token_queue_is_valid(""));
    ck_assert(!token_queue_is_valid("a b"));
    ck_assert(!token_queue_is_valid("{a}"));
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("token");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, a_token_says_what_was_signed);
    tcase_add_test(cases, a_secret_has_at_least_32_bytes);
    tcase_add_test(cases, any_changed_byte_makes_it_invalid);
    tcase_add_test(cases, other_shapes_are_invalid);
    tcase_add_test(cases, another_key_does_not_verify);
    tcase_add_test(cases, claims_out_of_range_are_invalid_though_signed);
    tcase_add_test(cases, a_queue_name_has_1_to_64_of_its_characters);
    Suite *suite = suite_create("token");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
