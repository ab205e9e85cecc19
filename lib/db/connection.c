#include "db/connection.h"

#include <assert.h>
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/checked.h"
#include "base/clock.h"
#include "db/rows.h"
#include "db/sqlstate.h"
#include "log/log.h"

enum { BACKOFF_FIRST_MS = 100, BACKOFF_LAST_MS = 2000 };

void db_connection_init(struct db_connection *connection, const struct db_options *options)
{
    *connection = (struct db_connection){.options = options, .backoff_ms = BACKOFF_FIRST_MS};
}

static void drop(struct db_connection *connection)
{
    PQfinish(connection->pg);
    connection->pg = NULL;
    connection->prepared_count = 0;
}

void db_connection_done(struct db_connection *connection)
{
    drop(connection);
}

/* One line of a libpq message, which may have several and names no secret. */
static void first_line(char *to, size_t size, const char *message)
{
    base_copy_text(to, size, message == NULL ? "" : message);
    to[strcspn(to, "\n")] = '\0';
}

/* Closes, and lets the next attempt wait: between half and all of the backoff, so that instances
 * spread. */
static void back_off(struct db_connection *connection, const char *why)
{
    if (!connection->lost)
        log_line(LOG_WARN, NULL, "postgres lost: %s", why);
    connection->lost = true;
    drop(connection);

    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        abort();
    const int64_t half_us = connection->backoff_ms * 500;
    connection->retry_at_us = clock_monotonic_us() + half_us + (int64_t)random % (half_us + 1);
    connection->backoff_ms *= 2;
    if (connection->backoff_ms > BACKOFF_LAST_MS)
        connection->backoff_ms = BACKOFF_LAST_MS;
}

/* Waits for the socket; false at the deadline. */
static bool wait_socket(PGconn *pg, short events, int64_t deadline_us)
{
    for (;;) {
        const int64_t left_us = deadline_us - clock_monotonic_us();
        if (left_us <= 0)
            return false;
        struct pollfd socket = {.fd = PQsocket(pg), .events = events};
        const int64_t left_ms = (left_us + 999) / 1000;
        const int ready = poll(&socket, 1, left_ms > 60000 ? 60000 : (int)left_ms);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return true; /* an error shows at the next read */
    }
}

/* Every statement of a service is prepared and hot; planning one anew costs more than running it.
 * By index, always: a table that is small now is large before the plan is dropped. Where there is
 * no index the walk looks so dear then that the server would compile it first. */
#define BY_INDEX_ONCE "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off"

static PGconn *start_connecting(const struct db_options *options)
{
    char settings[320], connect_timeout[24];
    snprintf(settings, sizeof settings,
             "-c statement_timeout=%lld -c lock_timeout=%lld "
             "-c idle_in_transaction_session_timeout=%lld -c client_min_messages=warning %s",
             (long long)options->statement_timeout_ms, (long long)options->lock_timeout_ms,
             (long long)options->idle_timeout_ms, options->for_reports ? "" : BY_INDEX_ONCE);
    snprintf(connect_timeout, sizeof connect_timeout, "%lld",
             (long long)(options->connect_timeout_ms + 999) / 1000);
    const char *const names[] = {"dbname",          "application_name", "options",
                                 "connect_timeout", "client_encoding",  NULL};
    const char *const values[] = {
        options->url, options->application_name, settings, connect_timeout, "UTF8", NULL};
    return PQconnectStartParams(names, values, 1);
}

static bool finish_connecting(PGconn *pg, int64_t deadline_us)
{
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    while (next == PGRES_POLLING_READING || next == PGRES_POLLING_WRITING) {
        if (!wait_socket(pg, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_us))
            return false;
        next = PQconnectPoll(pg);
    }
    return next == PGRES_POLLING_OK && PQsetnonblocking(pg, 1) == 0 && PQenterPipelineMode(pg) == 1;
}

enum status db_connection_ready(struct ctx *ctx, struct db_connection *connection)
{
    if (connection->pg != NULL)
        return ST_OK;
    const int64_t now_us = clock_monotonic_us();
    if (now_us < connection->retry_at_us)
        return ctx_fail(ctx, ST_UNAVAILABLE, "postgres away, next attempt soon");

    int64_t deadline_us = now_us + connection->options->connect_timeout_ms * 1000;
    if (ctx->deadline_us < deadline_us)
        deadline_us = ctx->deadline_us;
    connection->pg = start_connecting(connection->options);
    if (connection->pg == NULL)
        abort(); /* out of memory */
    if (PQstatus(connection->pg) == CONNECTION_BAD ||
        !finish_connecting(connection->pg, deadline_us)) {
        char why[160];
        first_line(why, sizeof why, PQerrorMessage(connection->pg));
        back_off(connection, why[0] == '\0' ? "no answer in time" : why);
        return ctx_fail(ctx, ST_UNAVAILABLE, "postgres: %s", why);
    }
    if (connection->lost)
        log_line(LOG_INFO, NULL, "postgres is back");
    connection->lost = false;
    connection->backoff_ms = BACKOFF_FIRST_MS;
    connection->reconnects++;
    return ST_OK;
}

const struct db_statement *db_connection_due_plans(struct db_connection *connection)
{
    static const struct db_statement discard = {
        .name = "db_discard_plans", .sql = "DISCARD PLANS", .mode = DB_WRITE};
    const int64_t now_us = clock_monotonic_us();
    if (now_us < connection->plans_until_us)
        return NULL;
    connection->plans_until_us = now_us + (int64_t)DB_PLANS_MS * 1000;
    return &discard;
}

/* --- one pipeline --- */

/* What went wrong with the connection itself, told to every item that has no answer. */
struct breakdown {
    enum status status; /* ST_OK: nothing */
    char why[160];
};

static bool is_prepared(const struct db_connection *connection,
                        const struct db_statement *statement)
{
    for (size_t i = 0; i < connection->prepared_count; i++) {
        if (connection->prepared[i] == statement)
            return true;
    }
    return false;
}

static bool is_prepared_before(const struct db_item items[], size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (items[i].statement == items[index].statement)
            return true;
    }
    return false;
}

/* Whether the pipeline prepares the item's statement just before running it. */
static bool prepares(const struct db_connection *connection, const struct db_item items[],
                     size_t index)
{
    return !is_prepared(connection, items[index].statement) && !is_prepared_before(items, index);
}

static bool send_item(struct db_connection *connection, const struct db_item items[], size_t index)
{
    const struct db_item *item = &items[index];
    const struct db_statement *statement = item->statement;
    PGconn *pg = connection->pg;
    if (prepares(connection, items, index) &&
        PQsendPrepare(pg, statement->name, statement->sql, 0, NULL) != 1)
        return false;
    const int count = item->params == NULL ? 0 : (int)item->params->count;
    const char *const *values = item->params == NULL ? NULL : item->params->values;
    if (PQsendQueryPrepared(pg, statement->name, count, values, NULL, NULL, 0) != 1)
        return false;
    return !item->sync || PQpipelineSync(pg) == 1;
}

/* Reads until a result is whole, pushing out what is buffered: two sides that are busy sending to
 * each other do not deadlock. What was read before is looked at first, as one read brings many
 * results. */
static bool await_result(PGconn *pg, int64_t deadline_us, struct breakdown *breakdown)
{
    for (;;) {
        if (!PQisBusy(pg))
            return true;
        const int unsent = PQflush(pg);
        if (unsent < 0 || PQconsumeInput(pg) != 1) {
            breakdown->status = ST_UNAVAILABLE;
            first_line(breakdown->why, sizeof breakdown->why, PQerrorMessage(pg));
            return false;
        }
        if (!PQisBusy(pg))
            return true;
        if (!wait_socket(pg, (short)(POLLIN | (unsent > 0 ? POLLOUT : 0)), deadline_us)) {
            breakdown->status = ST_TIMEOUT;
            base_copy_text(breakdown->why, sizeof breakdown->why,
                           "no answer from postgres in time");
            return false;
        }
    }
}

static void note_failure(struct db_item *item, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    item->status = ctx_fail(item->ctx, db_status_of_sqlstate(state), "%s: SQLSTATE %s %s %s",
                            item->statement->name, state == NULL ? "" : state,
                            constraint == NULL ? "" : constraint, primary == NULL ? "" : primary);
}

static void take_result(struct db_item *item, const PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        item->status = ST_OK;
        if (item->parts != NULL)
            db_rows_spread(result, item->parts, item->part_count);
        else if (item->rows != NULL)
            item->status = db_rows_copy(item->ctx, result, item->rows);
        item->undelivered = item->status != ST_OK;
        break;
    case PGRES_PIPELINE_ABORTED:
        item->status = ST_CONFLICT; /* another one of the transaction failed */
        break;
    case PGRES_EMPTY_QUERY:
    case PGRES_COPY_OUT:
    case PGRES_COPY_IN:
    case PGRES_BAD_RESPONSE:
    case PGRES_NONFATAL_ERROR:
    case PGRES_FATAL_ERROR:
    case PGRES_COPY_BOTH:
    case PGRES_SINGLE_TUPLE:
    case PGRES_PIPELINE_SYNC:
    default:
        note_failure(item, result);
        break;
    }
}

/* The result of one query, and the NULL that ends it; a failure of its preparation is the item's.
 */
static bool receive_query(PGconn *pg, struct db_item *item, bool preparation, int64_t deadline_us,
                          bool *ret_good, struct breakdown *breakdown)
{
    bool good = true;
    for (;;) {
        if (!await_result(pg, deadline_us, breakdown))
            return false;
        PGresult *result = PQgetResult(pg);
        if (result == NULL)
            break;
        if (PQresultStatus(result) != PGRES_COMMAND_OK && preparation) {
            good = false;
            take_result(item, result);
        } else if (!preparation && (item->status == ST_OK || item->status == ST_COUNT)) {
            take_result(item, result);
        }
        PQclear(result);
    }
    *ret_good = good;
    return true;
}

/* The answer to a sync; a commit that fails shows here and takes its whole transaction with it. */
static bool receive_sync(PGconn *pg, struct db_item items[], size_t first, size_t last,
                         int64_t deadline_us, struct breakdown *breakdown)
{
    for (;;) {
        if (!await_result(pg, deadline_us, breakdown))
            return false;
        PGresult *result = PQgetResult(pg);
        const ExecStatusType status = result == NULL ? PGRES_EMPTY_QUERY : PQresultStatus(result);
        if (status == PGRES_FATAL_ERROR) {
            for (size_t i = first; i <= last; i++)
                note_failure(&items[i], result);
        }
        PQclear(result);
        if (status == PGRES_PIPELINE_SYNC)
            return true;
        if (PQstatus(pg) == CONNECTION_BAD) {
            breakdown->status = ST_UNAVAILABLE;
            first_line(breakdown->why, sizeof breakdown->why, PQerrorMessage(pg));
            return false;
        }
    }
}

/* A transaction with one failure has none that committed. */
static void spread_failure(struct db_item items[], size_t first, size_t last)
{
    bool failed = false;
    for (size_t i = first; i <= last; i++)
        failed = failed || (items[i].status != ST_OK && !items[i].undelivered);
    for (size_t i = first; failed && i <= last; i++) {
        if (items[i].status == ST_OK)
            items[i].status = ST_CONFLICT;
    }
}

/* Receives everything; ret_answered items have a final status when the connection breaks. */
static bool receive_all(struct db_connection *connection, struct db_item items[], size_t count,
                        int64_t deadline_us, size_t *ret_answered, struct breakdown *breakdown)
{
    size_t first = 0; /* of the current transaction */
    for (size_t i = 0; i < count; i++) {
        bool good = true;
        if (prepares(connection, items, i)) {
            if (!receive_query(connection->pg, &items[i], true, deadline_us, &good, breakdown))
                return false;
            if (good && connection->prepared_count < DB_PREPARED_MAX)
                connection->prepared[connection->prepared_count++] = items[i].statement;
        }
        if (!receive_query(connection->pg, &items[i], false, deadline_us, &good, breakdown))
            return false;
        if (!items[i].sync)
            continue;
        if (!receive_sync(connection->pg, items, first, i, deadline_us, breakdown))
            return false;
        spread_failure(items, first, i);
        first = i + 1;
        *ret_answered = first;
    }
    return true;
}

/* Asks the server to stop working on what nobody waits for any more. */
static void cancel(PGconn *pg)
{
    char ignored[64];
    PGcancel *handle = PQgetCancel(pg);
    if (handle != NULL)
        PQcancel(handle, ignored, sizeof ignored);
    PQfreeCancel(handle);
}

enum status db_connection_run(struct db_connection *connection, struct db_item items[],
                              size_t count, int64_t deadline_us)
{
    assert(count > 0 && items[count - 1].sync);
    struct breakdown breakdown = {.status = ST_OK};
    size_t answered = 0;
    bool sent = true;
    for (size_t i = 0; i < count; i++)
        items[i].status = ST_COUNT;
    for (size_t i = 0; i < count && sent; i++)
        sent = send_item(connection, items, i);
    if (!sent) {
        breakdown.status = ST_UNAVAILABLE;
        first_line(breakdown.why, sizeof breakdown.why, PQerrorMessage(connection->pg));
    } else if (receive_all(connection, items, count, deadline_us, &answered, &breakdown)) {
        return ST_OK;
    }
    for (size_t i = answered; i < count; i++)
        items[i].status = ctx_fail(items[i].ctx, breakdown.status, "postgres: %s", breakdown.why);
    if (breakdown.status == ST_TIMEOUT)
        cancel(connection->pg);
    if (breakdown.status == ST_TIMEOUT)
        drop(connection); /* the server is well: connect again at once */
    else
        back_off(connection, breakdown.why);
    return breakdown.status;
}

enum status db_connection_execute(struct ctx *ctx, struct db_connection *connection,
                                  const char *sql)
{
    /* Several statements in one text need the simple protocol, which a pipeline has not. */
    PGconn *pg = connection->pg;
    if (PQexitPipelineMode(pg) != 1 || PQsendQuery(pg, sql) != 1)
        return ctx_fail(ctx, ST_INTERNAL, "postgres: %s", PQerrorMessage(pg));
    const struct db_statement statement = {.name = "script"};
    struct db_item item = {.statement = &statement, .ctx = ctx, .status = ST_OK};
    struct breakdown breakdown = {.status = ST_OK};
    bool good = true;
    if (!receive_query(pg, &item, false, ctx->deadline_us, &good, &breakdown)) {
        back_off(connection, breakdown.why);
        return ctx_fail(ctx, breakdown.status, "postgres: %s", breakdown.why);
    }
    if (PQenterPipelineMode(pg) != 1)
        return ctx_fail(ctx, ST_INTERNAL, "postgres: %s", PQerrorMessage(pg));
    return item.status;
}
