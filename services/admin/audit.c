#include "audit.h"

#include <assert.h>

#include "db/db.h"

enum { STATEMENT_TIMEOUT_MS = 300000 };

static const struct db_statement snapshot_statement = {
    .name = "audit_snapshot",
    .sql = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
    .mode = DB_READ,
};

static enum status connect(const char *url, struct db **ret_db)
{
    return db_new(
        &(struct db_options){
            .for_reports = true,
            .url = url,
            .application_name = "boxoffice-admin audit",
            .write_lanes = 1,
            .read_lanes = 1,
            .transactions = 1,
            .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
            .idle_timeout_ms = STATEMENT_TIMEOUT_MS,
        },
        ret_db);
}

static enum status run(struct ctx *ctx, struct db_tx *tx, const struct db_statement *statement)
{
    struct db_params params;
    db_params_init(&params, ctx);
    struct db_rows rows;
    return db_tx_run(ctx, tx, statement, &params, &rows);
}

/* Copies the next rows; how many there were. */
static enum status copy_some(struct ctx *ctx, const struct audit_source *source, struct db_tx *from,
                             struct db_tx *to, size_t *ret_count)
{
    struct db_params params;
    db_params_init(&params, ctx);
    struct db_rows rows;
    TRY(db_tx_run(ctx, from, &source->fetch, &params, &rows));
    *ret_count = rows.row_count;
    if (rows.row_count == 0)
        return ST_OK;

    const char **lines = arena_calloc(ctx->arena, rows.row_count, sizeof(*lines));
    if (!lines)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < rows.row_count; i++)
        lines[i] = db_text(&rows, i, 0);
    db_params_init(&params, ctx);
    db_add_text_array(&params, lines, rows.row_count);
    return db_tx_run(ctx, to, &source->insert, &params, &rows);
}

static enum status copy_source(struct ctx *ctx, const struct audit_source *source,
                               struct db_tx *from, struct db_tx *to, int64_t *rows_read)
{
    TRY(run(ctx, to, &source->create));
    TRY(run(ctx, from, &source->open));
    for (;;) {
        size_t mark = arena_mark(ctx->arena);
        size_t count;
        TRY(copy_some(ctx, source, from, to, &count));
        arena_rewind(ctx->arena, mark);
        if (count == 0)
            return ST_OK;
        *rows_read += (int64_t)count;
    }
}

/* Copies all tables of one service as of one moment. */
static enum status copy_service(struct ctx *ctx, enum audit_service service, const char *url,
                                struct db_tx *to, int64_t *rows_read)
{
    scoped(db_free) struct db *db = NULL;
    scoped(db_end) struct db_tx *from = NULL;
    TRY(connect(url, &db));
    TRY(db_begin(ctx, db, &from));
    TRY(run(ctx, from, &snapshot_statement));
    for (size_t i = 0; i < audit_source_count; i++) {
        if (audit_sources[i].service == service)
            TRY(copy_source(ctx, &audit_sources[i], from, to, rows_read));
    }
    return ST_OK;
}

static enum status look(struct ctx *ctx, const struct audit_options *options, struct db_tx *tx,
                        const struct audit_invariant *invariant, struct audit_finding *ret_finding)
{
    struct db_params params;
    db_params_init(&params, ctx);
    db_add_int64(&params, options->balance_won_max);
    db_add_int64(&params, (int64_t)options->samples);

    struct db_rows rows;
    TRY(db_tx_run(ctx, tx, &invariant->query, &params, &rows));
    assert(rows.row_count <= options->samples);
    *ret_finding = (struct audit_finding){.invariant = invariant, .sample_count = rows.row_count};
    ret_finding->samples = arena_calloc(ctx->arena, rows.row_count + 1, sizeof(const char *));
    if (!ret_finding->samples)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    if (rows.row_count > 0)
        ret_finding->violations = db_int64(&rows, 0, 1);
    for (size_t i = 0; i < rows.row_count; i++)
        ret_finding->samples[i] = db_text(&rows, i, 0);
    return ST_OK;
}

enum status audit_run(struct ctx *ctx, const struct audit_options *options,
                      struct audit_report *ret_report)
{
    scoped(db_free) struct db *db = NULL;
    scoped(db_end) struct db_tx *session = NULL;
    struct audit_report report = {0};
    assert(audit_invariant_count <= AUDIT_FINDINGS_MAX);
    assert(options->samples >= 1 && options->samples <= AUDIT_SAMPLES_MAX);

    TRY(connect(options->urls[options->session], &db));
    TRY(db_begin(ctx, db, &session));
    for (int service = 0; service < AUDIT_SERVICE_COUNT; service++) {
        enum status status = copy_service(ctx, (enum audit_service)service, options->urls[service],
                                          session, &report.rows_read);
        if (status != ST_OK)
            return ctx_fail(ctx, status, "the database of %s could not be read",
                            audit_service_name((enum audit_service)service));
    }
    for (size_t i = 0; i < audit_invariant_count; i++) {
        TRY(look(ctx, options, session, &audit_invariants[i], &report.findings[i]));
        report.violations += report.findings[i].violations;
    }
    report.count = audit_invariant_count;
    *ret_report = report;
    return ST_OK;
}
