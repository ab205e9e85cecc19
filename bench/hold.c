/* One hold through lib/db: 64 callers with the reservation store's own statement.
 *   bench_hold <database url> <seconds>   prints holds a second, and how many in all
 *   bench_hold --pgbench                  prints the same statement as a pgbench script */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"
#include "db/db.h"
#include "load.h"
#include "store.h"

enum { CALLERS = 64, ARENA_SIZE = 64 * 1024, DATES = 3000, SEATS = 5000 };

static void *make(void *self, size_t thread)
{
    (void)self;
    (void)thread;
    return malloc(ARENA_SIZE);
}

static bool hold(void *self, void *state, uint64_t round)
{
    (void)round;
    struct arena arena;
    struct ctx ctx;
    struct uuid user_id, token_id;
    char date[CLOCK_DATE_SIZE];
    arena_init(&arena, state, ARENA_SIZE);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, 10000);
    uuid_v4(&user_id);
    uuid_v4(&token_id);
    clock_format_date((int64_t)(21000 + load_random(DATES)) * 86400000, date);
    struct claim claim;
    bool replayed;
    const struct claim_wish wish = {
        .user_id = user_id.text,
        .concert_id = "00000000-0000-7000-8000-00000000beac",
        .date = date,
        .seat_no = 1 + (int64_t)load_random(SEATS),
        .price_won = 1000,
        .hold_ttl_ms = 300000,
        .token_id = token_id.text,
        .queue = "main",
        .idempotency_key = "",
    };
    const enum status status = claim_store_reserve(&ctx, self, &wish, &claim, &replayed);
    if (status != ST_OK && status != ST_SEAT_HELD)
        fprintf(stderr, "%s %s\n", status_name(status), ctx.detail);
    /* A seat that was taken is an answer like any other, and pgbench gets it as well. */
    return status == ST_OK || status == ST_SEAT_HELD;
}

/* The parameters as pgbench makes them, arrays of one: ids are numbers written as UUIDs. */
static void print_pgbench(void)
{
    static const char *const values[] = {
        "lpad(to_hex(:id::bigint), 32, '0')::uuid",
        "lpad(to_hex(:who::bigint), 32, '0')::uuid",
        "'00000000-0000-7000-8000-00000000beac'",
        "('2030-01-01'::date + :day::int)",
        ":seat",
        "1000",
        "'KRW'",
        "300000",
        "'00000000-0000-7000-8000-00000000beac'",
        "'main'",
        "''",
    };
    printf("\\set id random(1, 1000000000000000000)\n\\set who random(1, 1000000000000)\n\\set day "
           "random(1, %d)\n\\set seat random(1, %d)\n",
           DATES, SEATS);
    for (const char *at = claim_hold_statement.sql; *at != '\0'; at++) {
        if (*at != '$') {
            putchar(*at);
            continue;
        }
        char *end;
        const unsigned long number = strtoul(at + 1, &end, 10);
        printf("ARRAY[%s]", values[number - 1]);
        at = end - 1;
    }
    puts(";");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--pgbench") == 0) {
        print_pgbench();
        return EXIT_SUCCESS;
    }
    if (argc != 3) {
        fprintf(stderr, "usage: %s <database url> <seconds> | --pgbench\n", argv[0]);
        return 2;
    }
    struct db *db = NULL;
    if (db_new(&(struct db_options){.url = argv[1], .application_name = "bench"}, &db) != ST_OK)
        return EXIT_FAILURE;
    struct load_result result;
    load_run(&(struct load){.threads = CALLERS,
                            .seconds = strtod(argv[2], NULL),
                            .make = make,
                            .run = hold,
                            .self = db},
             &result);
    db_free(&db);
    load_print(&result);
    return result.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
