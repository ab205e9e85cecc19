#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token/page.h"

static _Alignas(16) unsigned char block[16384];
static struct arena arena;
static struct ctx ctx;
static const struct page_key key = {{1, 2, 3}}, other = {{1, 2, 4}};
static char place[PAGE_PLACE_MAX + 1];

static void set_up(void)
{
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
}

static const char *make(const char *list, const char *where)
{
    const char *token = NULL;
    ck_assert_int_eq(page_token_make(&ctx, &key, list, where, &token), ST_OK);
    return token;
}

START_TEST(a_token_leads_back_to_its_place)
{
    char longest[PAGE_PLACE_MAX + 1] = {0};
    for (size_t size = 1; size <= PAGE_PLACE_MAX; size++) {
        arena_reset(&arena);
        longest[size - 1] = 'x';
        const char *token = make("concerts", longest);
        ck_assert_uint_le(strlen(token), PAGE_TOKEN_MAX);
        ck_assert(page_token_read(&key, "concerts", token, place));
        ck_assert_str_eq(place, longest);
    }
}
END_TEST

START_TEST(a_token_is_of_one_list_and_one_key)
{
    const char *token = make("reservations/a", "17");
    ck_assert(!page_token_read(&key, "reservations/b", token, place));
    ck_assert(!page_token_read(&key, "reservations/", token, place));
    ck_assert(!page_token_read(&other, "reservations/a", token, place));
    /* What stands before the place is not part of it. */
    ck_assert(!page_token_read(&key, "reservations/a1", make("reservations/a", "17"), place));
}
END_TEST

START_TEST(a_token_that_was_touched_is_none)
{
    char token[PAGE_TOKEN_MAX + 3];
    const char *good = make("concerts", "0190b0f0-0000-7000-8000-000000000001");
    for (size_t i = 0; i < strlen(good); i++) {
        strcpy(token, good);
        token[i] = token[i] == 'A' ? 'B' : 'A';
        ck_assert_msg(!page_token_read(&key, "concerts", token, place), "character %zu", i);
    }
    for (size_t length = 0; length < strlen(good); length++) {
        strcpy(token, good);
        token[length] = '\0';
        ck_assert_msg(!page_token_read(&key, "concerts", token, place), "%zu characters", length);
    }
    static const char *const bad[] = {
        "", "=", "A", "AAAA", "0190b0f0-0000-7000-8000-000000000001", "\xff\xff\xff\xff"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert(!page_token_read(&key, "concerts", bad[i], place));
    memset(token, 'A', sizeof token - 1);
    token[sizeof token - 1] = '\0';
    ck_assert(!page_token_read(&key, "concerts", token, place));
    snprintf(token, sizeof token, "%s=", good);
    ck_assert(!page_token_read(&key, "concerts", token, place));
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("page");
    tcase_add_checked_fixture(cases, set_up, NULL);
    tcase_add_test(cases, a_token_leads_back_to_its_place);
    tcase_add_test(cases, a_token_is_of_one_list_and_one_key);
    tcase_add_test(cases, a_token_that_was_touched_is_none);
    Suite *suite = suite_create("page");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
