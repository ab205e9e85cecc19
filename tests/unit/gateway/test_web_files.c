/* The page's files: what is read at start, and how it is served. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_gateway_peers.h"
#include "gateway_fixture.h"
#include "web_files.h"

static char folder[64];
static char why[256];
static struct web_files *files;

static void put(const char *name, const char *content, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(content, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

static void put_text(const char *name, const char *text)
{
    put(name, text, strlen(text));
}

static void set_up(void)
{
    char assets[80];
    snprintf(folder, sizeof folder, "/tmp/boxoffice-web-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chmod(folder, 0755), 0);
    snprintf(assets, sizeof assets, "%s/assets", folder);
    ck_assert_int_eq(mkdir(assets, 0755), 0);
    put_text("index.html", "<p>page</p>");
    put_text("docs.html", "<p>docs</p>");
    put_text("ops.html", "<p>ops</p>");
    put_text("openapi.json", "{\"openapi\":\"3.1.0\"}");
    put_text("assets/app.js", "'app';");
    put_text("assets/style.css", "p{}");
    put_text("assets/icon.svg", "<svg/>");
    put_text("assets/.hidden", "not for you");
}

static void tear_down(void)
{
    static const char *const names[] = {"index.html",       "docs.html",      "ops.html",
                                        "openapi.json",     "assets/app.js",  "assets/style.css",
                                        "assets/icon.svg",  "assets/.hidden", "assets/more.js",
                                        "assets/notes.txt", "assets"};
    char path[256];
    web_files_free(&files);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)remove(path);
    }
    ck_assert_int_eq(rmdir(folder), 0);
}

static void expect_refused(const char *what)
{
    ck_assert_int_eq(web_files_load(folder, why, &files), ST_UNAVAILABLE);
    ck_assert_msg(strstr(why, what) != NULL, "%s", why);
    ck_assert_ptr_null(files);
}

START_TEST(files_are_there_by_name_with_their_kind)
{
    ck_assert_int_eq(web_files_load(folder, why, &files), ST_OK);
    const struct web_file *script = web_files_find(files, "assets/app.js");
    ck_assert_ptr_nonnull(script);
    ck_assert_uint_eq(script->size, 6);
    ck_assert_mem_eq(script->content, "'app';", 6);
    ck_assert_str_eq(script->content_type, "text/javascript; charset=utf-8");
    ck_assert_str_eq(web_files_find(files, "openapi.json")->content_type, "application/json");
    ck_assert_ptr_null(web_files_find(files, "assets/.hidden"));
    ck_assert_ptr_null(web_files_find(files, "assets/../index.html"));
}
END_TEST

START_TEST(another_content_has_another_tag)
{
    char before[WEB_ETAG_MAX];
    ck_assert_int_eq(web_files_load(folder, why, &files), ST_OK);
    snprintf(before, sizeof before, "%s", web_files_find(files, "assets/app.js")->etag);
    web_files_free(&files);
    ck_assert_int_eq(web_files_load(folder, why, &files), ST_OK);
    ck_assert_str_eq(web_files_find(files, "assets/app.js")->etag, before);
    web_files_free(&files);
    put_text("assets/app.js", "'apq';");
    ck_assert_int_eq(web_files_load(folder, why, &files), ST_OK);
    ck_assert_str_ne(web_files_find(files, "assets/app.js")->etag, before);
}
END_TEST

START_TEST(a_page_that_is_not_whole_is_refused_at_start)
{
    char path[128];
    snprintf(path, sizeof path, "%s/ops.html", folder);
    ck_assert_int_eq(unlink(path), 0);
    expect_refused("ops.html");
    put_text("ops.html", "<p>ops</p>");
    put_text("assets/notes.txt", "no kind that a page has");
    expect_refused("assets/notes.txt");
}
END_TEST

START_TEST(a_file_has_a_largest_size)
{
    char *large = calloc(1, WEB_FILE_SIZE_MAX + 1);
    ck_assert_ptr_nonnull(large);
    put("assets/more.js", large, WEB_FILE_SIZE_MAX);
    ck_assert_int_eq(web_files_load(folder, why, &files), ST_OK);
    web_files_free(&files);
    put("assets/more.js", large, WEB_FILE_SIZE_MAX + 1);
    expect_refused("too large");
    free(large);
}
END_TEST

/* --- over HTTP --- */

static void start_serving(void)
{
    set_up();
    fake_peers_reset();
    fixture_start(0, 0);
    ck_assert_int_eq(web_files_load(folder, why, &files), ST_OK);
    fixture_serve(files);
}

static void stop_serving(void)
{
    fixture_stop();
    tear_down();
}

START_TEST(each_page_is_served_with_a_strict_policy)
{
    static const struct {
        const char *path, *content_type;
    } pages[] = {
        {"/", "text/html; charset=utf-8"},
        {"/docs", "text/html; charset=utf-8"},
        {"/ops", "text/html; charset=utf-8"},
        {"/openapi.json", "application/json"},
        {"/assets/app.js", "text/javascript; charset=utf-8"},
        {"/assets/style.css", "text/css; charset=utf-8"},
        {"/assets/icon.svg", "image/svg+xml"},
    };
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct answer answer = fixture_ask("GET", pages[i].path, "", NULL);
        ck_assert_int_eq(answer.code, 200);
        ck_assert_str_eq(answer_header(&answer, "Content-Type"), pages[i].content_type);
        const char *policy = answer_header(&answer, "Content-Security-Policy");
        ck_assert_ptr_nonnull(policy);
        ck_assert_ptr_nonnull(strstr(policy, "script-src 'self'"));
        ck_assert_ptr_null(strstr(policy, "unsafe"));
        ck_assert_ptr_null(strstr(policy, "http"));
        ck_assert_str_eq(answer_header(&answer, "X-Content-Type-Options"), "nosniff");
        ck_assert_str_eq(answer_header(&answer, "Referrer-Policy"), "no-referrer");
        ck_assert_str_eq(answer_header(&answer, "Cache-Control"), "no-cache");
        answer_done(&answer);
    }
}
END_TEST

START_TEST(who_has_it_already_is_told_so)
{
    char headers[128];
    const struct web_file *page = web_files_find(files, "index.html");
    snprintf(headers, sizeof headers, "If-None-Match: %s\r\n", page->etag);
    struct answer answer = fixture_ask("GET", "/", headers, NULL);
    ck_assert_int_eq(answer.code, 304);
    ck_assert_str_eq(answer_header(&answer, "ETag"), page->etag);
    answer_done(&answer);
    answer = fixture_ask("GET", "/", "If-None-Match: \"older\"\r\n", NULL);
    ck_assert_int_eq(answer.code, 200);
    answer_done(&answer);
}
END_TEST

START_TEST(what_was_not_read_at_start_is_not_found)
{
    static const char *const paths[] = {"/assets/none.js", "/assets/.hidden",
                                        "/assets/..%2Findex.html", "/assets/", "/index.html"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct answer answer = fixture_ask("GET", paths[i], "", NULL);
        ck_assert_msg(answer.code == 404, "%s: %d", paths[i], answer.code);
        ck_assert_str_eq(answer_text(&answer, "code"), "ROUTE_NOT_FOUND");
        answer_done(&answer);
    }
    fixture_serve(NULL);
    struct answer answer = fixture_ask("GET", "/", "", NULL);
    ck_assert_int_eq(answer.code, 404);
    answer_done(&answer);
}
END_TEST

int main(void)
{
    TCase *reading = tcase_create("reading"), *serving = tcase_create("serving");
    tcase_add_checked_fixture(reading, set_up, tear_down);
    tcase_add_test(reading, files_are_there_by_name_with_their_kind);
    tcase_add_test(reading, another_content_has_another_tag);
    tcase_add_test(reading, a_page_that_is_not_whole_is_refused_at_start);
    tcase_add_test(reading, a_file_has_a_largest_size);
    tcase_add_checked_fixture(serving, start_serving, stop_serving);
    tcase_add_test(serving, each_page_is_served_with_a_strict_policy);
    tcase_add_test(serving, who_has_it_already_is_told_so);
    tcase_add_test(serving, what_was_not_read_at_start_is_not_found);
    Suite *suite = suite_create("web files");
    suite_add_tcase(suite, reading);
    suite_add_tcase(suite, serving);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
