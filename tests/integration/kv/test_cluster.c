/* A real Redis Cluster of three masters and three replicas. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ctx.h"
#include "kv/cluster.h"
#include "kv/kv.h"
#include "support/redis.h"

enum { NODES = 6, MASTERS = 3, TAGS = 60, ARENA_SIZE = 256 * 1024, PATIENCE_MS = 60000 };

static struct support_redis nodes[NODES];
static unsigned char block[ARENA_SIZE];
static struct arena arena;
static struct ctx ctx;

static void fresh_ctx(void)
{
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, PATIENCE_MS);
}

static void start(void)
{
    for (int i = 0; i < NODES; i++)
        support_redis_start(&nodes[i],
                            &(struct support_redis_options){.cluster = true, .append_only = true});
    support_redis_join(nodes, NODES);
}

static void stop(void)
{
    for (int i = 0; i < NODES; i++)
        support_redis_stop(&nodes[i]);
}

static const struct kv_script count_script = {
    .name = "count",
    .lua = "return {ARGV[1], redis.call('INCR', KEYS[1]), redis.call('INCRBY', KEYS[2], ARGV[2])}",
    .tells_process = true,
};

/* Counts in the keys of a tag: two keys, so a slot on the move matters. */
static enum status count(struct kv *kv, int tag, int64_t *ret_count)
{
    char one[32];
    char two[32];
    struct kv_reply reply;
    snprintf(one, sizeof one, "{t%d}:one", tag);
    snprintf(two, sizeof two, "{t%d}:two", tag);
    fresh_ctx();
    TRY(kv_eval(&ctx, kv, &count_script, (const char *const[]){one, two}, 2,
                (const char *const[]){"1"}, 1, &reply));
    ck_assert_uint_eq(strlen(kv_text_at(&reply, 0)), 40);
    ck_assert_int_eq(kv_integer_at(&reply, 1), kv_integer_at(&reply, 2));
    *ret_count = kv_integer_at(&reply, 1);
    return ST_OK;
}

/* While a server is away, or a slot half moved, a call may be refused; it is asked again. */
static int64_t count_patiently(struct kv *kv, int tag)
{
    int64_t value = 0;
    enum status status = ST_UNAVAILABLE;
    for (int64_t end_us = clock_monotonic_us() + PATIENCE_MS * 1000;
         status != ST_OK && clock_monotonic_us() < end_us;) {
        status = count(kv, tag, &value);
        if (status != ST_OK) {
            ck_assert_msg(status == ST_UNAVAILABLE || status == ST_TIMEOUT, "%s: %s",
                          status_name(status), ctx.detail);
            usleep(20000);
        }
    }
    ck_assert_msg(status == ST_OK, "%s", ctx.detail);
    return value;
}

static struct kv *connect(const char *url)
{
    struct kv *kv = NULL;
    ck_assert_int_eq(kv_new(&(struct kv_options){.url = url}, &kv), ST_OK);
    return kv;
}

static const char *cli(struct support_redis *node, const char *a, const char *b, const char *c,
                       const char *d, const char *e)
{
    const char *argv[] = {a, b, c, d, e};
    int argc = 0;
    while (argc < 5 && argv[argc])
        argc++;
    return support_redis_cli(node, argv, argc);
}

START_TEST(every_key_is_found_from_any_server)
{
    for (int i = 0; i < NODES; i++) {
        struct kv *kv = connect(nodes[i].url);
        for (int tag = 0; tag < TAGS; tag++) {
            int64_t value;
            enum status status = count(kv, tag, &value);
            ck_assert_msg(status == ST_OK, "%s", ctx.detail);
            ck_assert_int_eq(value, i + 1);
        }
        fresh_ctx();
        ck_assert_int_eq(kv_ping(&ctx, kv), ST_OK);
        kv_free(&kv);
    }
}
END_TEST

/* The master of a tag's slot. */
static int owner_of(int tag)
{
    char key[32];
    snprintf(key, sizeof key, "{t%d}:one", tag);
    for (int i = 0; i < NODES; i++) {
        if (nodes[i].pid != 0 && strncmp(cli(&nodes[i], "GET", key, NULL, NULL, NULL), "MOVED", 5))
            return i;
    }
    return -1;
}

START_TEST(a_slot_on_the_move_is_followed_by_ask_and_then_by_moved)
{
    struct kv *kv = connect(nodes[0].url);
    char slot[8];
    char ids[2][64];
    char port[8];
    const char *keys[2] = {"{t1}:one", "{t1}:two"};
    int64_t before = count_patiently(kv, 1);
    int from = owner_of(1);
    int to = (from + 1) % MASTERS;
    ck_assert_int_lt(from, MASTERS);
    snprintf(slot, sizeof slot, "%d", kv_slot(keys[0]));
    snprintf(port, sizeof port, "%d", nodes[to].port);
    snprintf(ids[0], sizeof ids[0], "%s", cli(&nodes[from], "CLUSTER", "MYID", NULL, NULL, NULL));
    snprintf(ids[1], sizeof ids[1], "%s", cli(&nodes[to], "CLUSTER", "MYID", NULL, NULL, NULL));
    ck_assert_str_eq(cli(&nodes[to], "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0]), "OK");
    ck_assert_str_eq(cli(&nodes[from], "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1]), "OK");
    /* Nothing has moved yet: the old owner answers. */
    ck_assert_int_eq(count_patiently(kv, 1), before + 1);

    for (int i = 0; i < 2; i++)
        (void)support_redis_cli(
            &nodes[from], (const char *const[]){"MIGRATE", "127.0.0.1", port, keys[i], "0", "5000"},
            6);
    /* All has moved, but the slot is not given over: ASK, for each call anew. */
    for (int i = 2; i < 6; i++) {
        int64_t value;
        ck_assert_int_eq(count(kv, 1, &value), ST_OK);
        ck_assert_int_eq(value, before + i);
    }
    ck_assert_str_eq(cli(&nodes[to], "CLUSTER", "SETSLOT", slot, "NODE", ids[1]), "OK");
    ck_assert_str_eq(cli(&nodes[from], "CLUSTER", "SETSLOT", slot, "NODE", ids[1]), "OK");
    ck_assert_int_eq(count_patiently(kv, 1), before + 6);
    kv_free(&kv);
}
END_TEST

START_TEST(a_replica_takes_over_from_a_killed_master)
{
    char url[128];
    snprintf(url, sizeof url, "redis://127.0.0.1:%d,127.0.0.1:%d", nodes[0].port, nodes[5].port);
    struct kv *kv = connect(url);
    int64_t before[TAGS];
    for (int tag = 0; tag < TAGS; tag++)
        before[tag] = count_patiently(kv, tag);
    /* Nothing acknowledged is lost here: replicas have everything before the kill. */
    for (int i = 0; i < NODES; i++)
        (void)cli(&nodes[i], "WAIT", "1", "5000", NULL, NULL);
    support_redis_kill(&nodes[0]);
    for (int tag = 0; tag < TAGS; tag++) {
        int64_t value = count_patiently(kv, tag);
        /* A call whose reply was lost may have counted. */
        ck_assert_int_ge(value, before[tag] + 1);
    }
    fresh_ctx();
    ck_assert_int_eq(kv_ping(&ctx, kv), ST_OK);

    /* The killed one comes back as a replica; a pool that knows only it finds the others. */
    support_redis_start_again(&nodes[0]);
    struct kv *late = connect(nodes[0].url);
    (void)count_patiently(late, 2);
    kv_free(&late);
    kv_free(&kv);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("Redis Cluster");
    TCase *cluster = tcase_create("cluster");
    tcase_set_timeout(cluster, 240);
    tcase_add_unchecked_fixture(cluster, start, stop);
    tcase_add_test(cluster, every_key_is_found_from_any_server);
    tcase_add_test(cluster, a_slot_on_the_move_is_followed_by_ask_and_then_by_moved);
    tcase_add_test(cluster, a_replica_takes_over_from_a_killed_master);
    suite_add_tcase(suite, cluster);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
