#include "db/rows.h"

#include <assert.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"

void db_params_init(struct db_params *params, struct ctx *ctx)
{
    *params = (struct db_params){.ctx = ctx};
}

void db_add_text(struct db_params *params, const char *text)
{
    if (params->count == DB_PARAMS_MAX) {
        params->failed = true;
        return;
    }
    params->values[params->count++] = text;
}

/* A text made in the arena; NULL there means full. */
static void add_made(struct db_params *params, const char *text)
{
    params->failed = params->failed || text == NULL;
    db_add_text(params, text);
}

void db_add_int64(struct db_params *params, int64_t value)
{
    add_made(params, arena_printf(params->ctx->arena, "%" PRId64, value));
}

void db_add_bool(struct db_params *params, bool value)
{
    db_add_text(params, value ? "t" : "f");
}

/* Array literals: https://www.postgresql.org/docs/15/arrays.html#ARRAYS-IO; every element is
 * quoted. */
void db_add_text_array(struct db_params *params, const char *const texts[], size_t count)
{
    size_t size = 3;
    for (size_t i = 0; i < count; i++)
        size += 2 * strlen(texts[i]) + 3;
    char *literal = arena_alloc(params->ctx->arena, size);
    if (literal == NULL) {
        add_made(params, NULL);
        return;
    }
    char *to = literal;
    *to++ = '{';
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *to++ = ',';
        *to++ = '"';
        for (const char *from = texts[i]; *from != '\0'; from++) {
            if (*from == '"' || *from == '\\')
                *to++ = '\\';
            *to++ = *from;
        }
        *to++ = '"';
    }
    *to++ = '}';
    *to = '\0';
    db_add_text(params, literal);
}

void db_add_int64_array(struct db_params *params, const int64_t values[], size_t count)
{
    enum { DIGITS_MAX = 21 }; /* sign, 19 digits and a comma */
    char *literal = arena_alloc(params->ctx->arena, count * DIGITS_MAX + 3);
    if (literal == NULL) {
        add_made(params, NULL);
        return;
    }
    char *to = literal;
    *to++ = '{';
    for (size_t i = 0; i < count; i++)
        to += snprintf(to, DIGITS_MAX + 1, "%s%" PRId64, i > 0 ? "," : "", values[i]);
    *to++ = '}';
    *to = '\0';
    db_add_text(params, literal);
}

static const char *cell(const struct db_rows *rows, size_t row, size_t column)
{
    assert(row < rows->row_count && column < rows->column_count);
    return rows->cells[row * rows->column_count + column];
}

bool db_is_null(const struct db_rows *rows, size_t row, size_t column)
{
    return cell(rows, row, column) == NULL;
}

const char *db_text(const struct db_rows *rows, size_t row, size_t column)
{
    const char *text = cell(rows, row, column);
    return text == NULL ? "" : text;
}

int64_t db_int64(const struct db_rows *rows, size_t row, size_t column)
{
    const char *text = cell(rows, row, column);
    int64_t value = 0;
    const bool good = text == NULL || base_parse_int64(text, &value);
    assert(good);
    return good ? value : 0;
}

bool db_bool(const struct db_rows *rows, size_t row, size_t column)
{
    return strcmp(db_text(rows, row, column), "t") == 0;
}

static int hex_value(char digit)
{
    return digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}

enum status db_bytes(struct ctx *ctx, const struct db_rows *rows, size_t row, size_t column,
                     const uint8_t **ret_bytes, size_t *ret_size)
{
    /* The hex format: \x and two digits a byte. */
    const char *text = db_text(rows, row, column);
    const size_t size = text[0] == '\0' ? 0 : strlen(text) / 2 - 1;
    uint8_t *bytes = arena_alloc(ctx->arena, size);
    if (bytes == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(hex_value(text[2 + 2 * i]) << 4 | hex_value(text[3 + 2 * i]));
    *ret_bytes = bytes;
    *ret_size = size;
    return ST_OK;
}

enum status db_rows_copy(struct ctx *ctx, const struct pg_result *result, struct db_rows *ret_rows)
{
    const int row_count = PQntuples(result), column_count = PQnfields(result);
    const size_t cell_count = (size_t)row_count * (size_t)column_count;
    const char **cells = arena_calloc(ctx->arena, cell_count, sizeof *cells);
    if (cells == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full: %d rows", row_count);
    for (int row = 0; row < row_count; row++) {
        for (int column = 0; column < column_count; column++) {
            if (PQgetisnull(result, row, column))
                continue;
            const size_t size = (size_t)PQgetlength(result, row, column) + 1;
            const char *copy = arena_memdup(ctx->arena, PQgetvalue(result, row, column), size);
            if (copy == NULL)
                return ctx_fail(ctx, ST_OVERLOADED, "arena full: %d rows", row_count);
            cells[row * column_count + column] = copy;
        }
    }
    int64_t affected = 0;
    /* PQcmdTuples does not change its argument; its prototype is older than const. */
    (void)base_parse_int64(PQcmdTuples((PGresult *)(uintptr_t)result), &affected);
    *ret_rows = (struct db_rows){
        .row_count = (size_t)row_count,
        .column_count = (size_t)column_count,
        .affected = affected,
        .cells = cells,
    };
    return ST_OK;
}
