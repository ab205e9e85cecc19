#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis.h>

#include "base/arena.h"
#include "base/ctx.h"
#include "kv/cluster.h"
#include "kv/kv.h"
#include "kv/reply.h"
#include "kv/script.h"
#include "kv/url.h"

static unsigned char block[16 * 1024];
static struct arena arena;
static struct ctx ctx;

static void fresh_ctx(void)
{
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
}

/* --- URLs --- */

START_TEST(url_parts_have_their_defaults)
{
    struct kv_url url;
    ck_assert_int_eq(kv_url_parse("redis://localhost", &url), ST_OK);
    ck_assert_str_eq(url.host, "localhost");
    ck_assert_str_eq(url.user, "");
    ck_assert_str_eq(url.password, "");
    ck_assert_int_eq(url.port, 6379);
    ck_assert_int_eq(url.database, 0);
}
END_TEST

START_TEST(url_parts_are_told_apart)
{
    struct kv_url url;
    ck_assert_int_eq(kv_url_parse("redis://us%2Fer:p%40ss:w@rd@[::1]:6380/15", &url), ST_OK);
    ck_assert_str_eq(url.host, "::1");
    ck_assert_str_eq(url.user, "us/er");
    ck_assert_str_eq(url.password, "p@ss:w@rd");
    ck_assert_int_eq(url.port, 6380);
    ck_assert_int_eq(url.database, 15);
}
END_TEST

static const struct url_row {
    const char *text;
    enum status status;
} url_rows[] = {
    {"redis://h:1", ST_OK},
    {"redis://h:1,i,[::1]:2/3", ST_OK},
    {"redis://h,", ST_INVALID_REQUEST},
    {"redis://,h", ST_INVALID_REQUEST},
    {"redis://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p", ST_OK},
    {"redis://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", ST_INVALID_REQUEST},
    {"redis://h:0", ST_INVALID_REQUEST},
    {"redis://h:65535", ST_OK},
    {"redis://h:65536", ST_INVALID_REQUEST},
    {"redis://h:-1", ST_INVALID_REQUEST},
    {"redis://h:", ST_INVALID_REQUEST},
    {"redis://h:6379x", ST_INVALID_REQUEST},
    {"redis://h/1023", ST_OK},
    {"redis://h/1024", ST_INVALID_REQUEST},
    {"redis://h/", ST_OK},
    {"redis://h/x", ST_INVALID_REQUEST},
    {"redis://:secret@h", ST_OK},
    {"redis://:@h", ST_INVALID_REQUEST},
    {"redis://user@h", ST_INVALID_REQUEST},
    {"redis://:a%00b@h", ST_INVALID_REQUEST},
    {"redis://:a%4@h", ST_INVALID_REQUEST},
    {"redis://:a%zz@h", ST_INVALID_REQUEST},
    {"redis://", ST_INVALID_REQUEST},
    {"redis://:6379", ST_INVALID_REQUEST},
    {"redis://[::1", ST_INVALID_REQUEST},
    {"redis://[::1]x", ST_INVALID_REQUEST},
    {"rediss://h", ST_INVALID_REQUEST},
    {"h:6379", ST_INVALID_REQUEST},
    {"", ST_INVALID_REQUEST},
};

START_TEST(only_well_formed_urls_are_taken)
{
    const struct url_row *row = &url_rows[_i];
    struct kv_url url;
    ck_assert_msg(kv_url_parse(row->text, &url) == row->status, "\"%s\"", row->text);
}
END_TEST

START_TEST(a_host_may_be_255_bytes_and_not_256)
{
    char text[300] = "redis://";
    size_t scheme = strlen(text);
    struct kv_url url;
    memset(text + scheme, 'h', 255);
    text[scheme + 255] = '\0';
    ck_assert_int_eq(kv_url_parse(text, &url), ST_OK);
    text[scheme + 255] = 'h';
    text[scheme + 256] = '\0';
    ck_assert_int_eq(kv_url_parse(text, &url), ST_INVALID_REQUEST);
}
END_TEST

START_TEST(a_cluster_has_several_addresses)
{
    struct kv_url url;
    ck_assert_int_eq(kv_url_parse("redis://:s@a:1,b,[::1]:3", &url), ST_OK);
    ck_assert_str_eq(url.host, "a");
    ck_assert_int_eq(url.port, 1);
    ck_assert_uint_eq(url.more_count, 2);
    ck_assert_str_eq(url.more[0].host, "b");
    ck_assert_int_eq(url.more[0].port, 6379);
    ck_assert_str_eq(url.more[1].host, "::1");
    ck_assert_int_eq(url.more[1].port, 3);
}
END_TEST

/* --- clusters --- */

/* As `redis-cli cluster keyslot` has them. */
static const struct {
    const char *key;
    uint16_t slot;
} slot_rows[] = {
    {"123456789", 12739},
    {"foo", 12182},
    {"line:{main}:meta", 12501},
    {"main", 12501},
    {"{}x", 10595},
    {"a{b}{c}", 3300},
    {"", 0},
};

START_TEST(a_keys_slot_is_that_of_its_hash_tag)
{
    ck_assert_msg(kv_slot(slot_rows[_i].key) == slot_rows[_i].slot, "%s: %d", slot_rows[_i].key,
                  kv_slot(slot_rows[_i].key));
}
END_TEST

START_TEST(a_redirect_is_read_whole_or_not_at_all)
{
    struct kv_redirect redirect = kv_redirect_parse("MOVED 3999 127.0.0.1:6381");
    ck_assert_int_eq(redirect.kind, KV_MOVED);
    ck_assert_int_eq(redirect.slot, 3999);
    ck_assert_str_eq(redirect.address.host, "127.0.0.1");
    ck_assert_int_eq(redirect.address.port, 6381);
    redirect = kv_redirect_parse("ASK 16383 ::1:7000");
    ck_assert_int_eq(redirect.kind, KV_ASK);
    ck_assert_str_eq(redirect.address.host, "::1");
    /* No host: that of whoever said it. */
    ck_assert_int_eq(kv_redirect_parse("MOVED 1 :7000").kind, KV_MOVED);
    static const char *const others[] = {
        "MOVED",        "MOVED 1",     "MOVED 16384 h:1",     "MOVED -1 h:1",
        "MOVED 1 h:0",  "MOVED 1 h:x", "MOVED 1 h:65536",     "MOVED 123456789 h:1",
        "ASKING 1 h:1", "ERR MOVED 1", "CLUSTERDOWN no slot", "",
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        ck_assert_msg(kv_redirect_parse(others[i]).kind == KV_STAY, "%s", others[i]);
}
END_TEST

START_TEST(slots_are_read_whole_or_not_at_all)
{
    struct kv_reply master[] = {{.kind = KV_TEXT, .text = "h", .size = 1},
                                {.kind = KV_INTEGER, .integer = 7000}};
    struct kv_reply items[] = {{.kind = KV_INTEGER, .integer = 5},
                               {.kind = KV_INTEGER, .integer = 9},
                               {.kind = KV_ARRAY, .items = master, .item_count = 2}};
    struct kv_reply entry = {.kind = KV_ARRAY, .items = items, .item_count = 3};
    struct kv_slots slots;
    ck_assert(kv_slots_read(&entry, &slots));
    ck_assert_int_eq(slots.first, 5);
    ck_assert_int_eq(slots.last, 9);
    ck_assert_str_eq(slots.master.host, "h");
    ck_assert_int_eq(slots.master.port, 7000);
    items[1].integer = 4;
    ck_assert(!kv_slots_read(&entry, &slots));
    items[1].integer = KV_SLOTS;
    ck_assert(!kv_slots_read(&entry, &slots));
    items[1].integer = 9;
    master[1].integer = 0;
    ck_assert(!kv_slots_read(&entry, &slots));
    entry.item_count = 2;
    ck_assert(!kv_slots_read(&entry, &slots));
}
END_TEST

START_TEST(a_pool_is_not_made_for_a_bad_url)
{
    struct kv *kv = NULL;
    ck_assert_int_eq(kv_new(&(struct kv_options){.url = "nonsense"}, &kv), ST_INVALID_REQUEST);
    ck_assert_ptr_null(kv);
    kv_free(&kv);
}
END_TEST

/* --- errors --- */

static const struct error_row {
    const char *text;
    enum status status;
    bool ends_connection;
} error_rows[] = {
    {"LOADING Redis is loading the dataset in memory", ST_UNAVAILABLE, false},
    {"READONLY You can't write against a read only replica.", ST_UNAVAILABLE, true},
    {"MASTERDOWN Link with MASTER is down", ST_UNAVAILABLE, true},
    {"CLUSTERDOWN Hash slot not served", ST_UNAVAILABLE, false},
    {"TRYAGAIN Multiple keys request during rehashing of slot", ST_UNAVAILABLE, false},
    {"MISCONF Redis is configured to save RDB snapshots", ST_UNAVAILABLE, false},
    {"NOREPLICAS Not enough good replicas to write.", ST_UNAVAILABLE, false},
    {"NOAUTH Authentication required.", ST_UNAVAILABLE, true},
    {"OOM command not allowed when used memory > 'maxmemory'.", ST_OVERLOADED, false},
    {"BUSY Redis is busy running a script.", ST_OVERLOADED, false},
    {"WRONGTYPE Operation against a key", ST_INTERNAL, false},
    {"ERR unknown command", ST_INTERNAL, false},
    {"OOMPH", ST_INTERNAL, false},
    {"OO", ST_INTERNAL, false},
    {"", ST_INTERNAL, false},
};

START_TEST(an_error_is_known_by_its_first_word)
{
    const struct error_row *row = &error_rows[_i];
    ck_assert_msg(kv_classify_error(row->text) == row->status, "\"%s\"", row->text);
    ck_assert_msg(kv_error_ends_connection(row->text) == row->ends_connection, "\"%s\"", row->text);
}
END_TEST

START_TEST(only_noscript_asks_for_a_reload)
{
    ck_assert(kv_error_is_noscript("NOSCRIPT No matching script. Please use EVAL."));
    ck_assert(!kv_error_is_noscript("ERR NOSCRIPT"));
}
END_TEST

/* --- replies --- */

static struct redisReply *parse(redisReader *reader, const char *wire)
{
    void *reply = NULL;
    ck_assert_int_eq(redisReaderFeed(reader, wire, strlen(wire)), REDIS_OK);
    ck_assert_int_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
    ck_assert_ptr_nonnull(reply);
    return reply;
}

static enum status copy(const char *wire, struct kv_reply *ret_reply)
{
    redisReader *reader = redisReaderCreate();
    struct redisReply *reply = parse(reader, wire);
    enum status status = kv_reply_copy(&ctx, reply, ret_reply);
    freeReplyObject(reply);
    redisReaderFree(reader);
    return status;
}

START_TEST(a_nested_reply_is_copied_whole)
{
    struct kv_reply reply;
    fresh_ctx();
    ck_assert_int_eq(
        copy("*5\r\n:-7\r\n$5\r\nhello\r\n$-1\r\n+OK\r\n*2\r\n:1\r\n$2\r\n42\r\n", &reply), ST_OK);
    ck_assert_int_eq(reply.kind, KV_ARRAY);
    ck_assert_uint_eq(reply.item_count, 5);
    ck_assert_int_eq(kv_integer_at(&reply, 0), -7);
    ck_assert_str_eq(kv_text_at(&reply, 1), "hello");
    ck_assert_uint_eq(reply.items[1].size, 5);
    ck_assert_int_eq(reply.items[2].kind, KV_NIL);
    ck_assert_str_eq(kv_text_at(&reply, 2), "");
    ck_assert_str_eq(kv_text_at(&reply, 3), "OK");
    ck_assert_int_eq(kv_integer_at(&reply.items[4], 0), 1);
    ck_assert_int_eq(kv_integer_at(&reply.items[4], 1), 42);
}
END_TEST

START_TEST(an_error_reply_becomes_its_status_with_the_text_as_detail)
{
    struct kv_reply reply = {.kind = KV_NIL};
    fresh_ctx();
    ck_assert_int_eq(copy("-OOM no memory\r\n", &reply), ST_OVERLOADED);
    ck_assert_ptr_nonnull(strstr(ctx.detail, "OOM no memory"));
    ck_assert_int_eq(reply.kind, KV_NIL);
}
END_TEST

START_TEST(an_error_inside_an_array_fails_the_whole_reply)
{
    struct kv_reply reply;
    fresh_ctx();
    ck_assert_int_eq(copy("*2\r\n:1\r\n-ERR inner\r\n", &reply), ST_INTERNAL);
}
END_TEST

START_TEST(a_reply_that_does_not_fit_the_arena_is_refused)
{
    struct kv_reply reply;
    static unsigned char small[64];
    char wire[160] = "$128\r\n";
    size_t head = strlen(wire);
    memset(wire + head, 'x', 128);
    memcpy(wire + head + 128, "\r\n", 3);

    fresh_ctx();
    ck_assert_int_eq(copy(wire, &reply), ST_OK);
    arena_init(&arena, small, sizeof small);
    ck_assert_int_eq(copy(wire, &reply), ST_OVERLOADED);
}
END_TEST

/* --- scripts --- */

START_TEST(a_script_is_hashed_by_sha1_of_its_text)
{
    static const struct kv_script one = {.name = "one", .lua = "return 1"};
    struct kv_scripts scripts;
    kv_scripts_init(&scripts);
    /* As redis-cli SCRIPT LOAD "return 1" answers. */
    const char *hash = kv_scripts_hash(&scripts, &one);
    ck_assert_str_eq(hash, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    ck_assert_ptr_eq(kv_scripts_hash(&scripts, &one), hash);
    ck_assert_uint_eq(atomic_load(&scripts.count), 1);
    kv_scripts_done(&scripts);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kv");
    TCase *urls = tcase_create("url");
    tcase_add_test(urls, url_parts_have_their_defaults);
    tcase_add_test(urls, url_parts_are_told_apart);
    tcase_add_loop_test(urls, only_well_formed_urls_are_taken, 0, (int)ARRAY_LEN(url_rows));
    tcase_add_test(urls, a_host_may_be_255_bytes_and_not_256);
    tcase_add_test(urls, a_pool_is_not_made_for_a_bad_url);
    tcase_add_test(urls, a_cluster_has_several_addresses);
    tcase_add_loop_test(urls, a_keys_slot_is_that_of_its_hash_tag, 0, ARRAY_LEN(slot_rows));
    tcase_add_test(urls, a_redirect_is_read_whole_or_not_at_all);
    tcase_add_test(urls, slots_are_read_whole_or_not_at_all);
    suite_add_tcase(suite, urls);

    TCase *errors = tcase_create("errors");
    tcase_add_loop_test(errors, an_error_is_known_by_its_first_word, 0, (int)ARRAY_LEN(error_rows));
    tcase_add_test(errors, only_noscript_asks_for_a_reload);
    suite_add_tcase(suite, errors);

    TCase *replies = tcase_create("replies");
    tcase_add_test(replies, a_nested_reply_is_copied_whole);
    tcase_add_test(replies, an_error_reply_becomes_its_status_with_the_text_as_detail);
    tcase_add_test(replies, an_error_inside_an_array_fails_the_whole_reply);
    tcase_add_test(replies, a_reply_that_does_not_fit_the_arena_is_refused);
    suite_add_tcase(suite, replies);

    TCase *scripts = tcase_create("scripts");
    tcase_add_test(scripts, a_script_is_hashed_by_sha1_of_its_text);
    suite_add_tcase(suite, scripts);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
