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

void db_add_lock(struct db_params *params, uint64_t key)
{
    params->second_lock = key;
    params->has_second_lock = true;
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

/* Array literals: https://www.postgresql.org/docs/15/arrays.html#ARRAYS-IO; every element but NULL
 * is quoted. */
static char *write_element(char *to, const char *text)
{
    if (text == NULL) {
        memcpy(to, "NULL", 4);
        return to + 4;
    }
    *to++ = '"';
    for (const char *from = text; *from != '\0'; from++) {
        if (*from == '"' || *from == '\\')
            *to++ = '\\';
        *to++ = *from;
    }
    *to++ = '"';
    return to;
}

void db_add_text_array(struct db_params *params, const char *const texts[], size_t count)
{
    size_t size = 3;
    for (size_t i = 0; i < count; i++)
        size += texts[i] == NULL ? 5 : 2 * strlen(texts[i]) + 3;
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
        to = write_element(to, texts[i]);
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

/* One row of the result, from the column on, as the next row of `cells`. */
static bool copy_row(struct ctx *ctx, const struct pg_result *result, int row, int first_column,
                     const char **cells)
{
    for (int column = first_column; column < PQnfields(result); column++) {
        if (PQgetisnull(result, row, column))
            continue;
        const size_t size = (size_t)PQgetlength(result, row, column) + 1;
        const char *copy = arena_memdup(ctx->arena, PQgetvalue(result, row, column), size);
        if (copy == NULL)
            return false;
        cells[column - first_column] = copy;
    }
    return true;
}

enum status db_rows_copy(struct ctx *ctx, const struct pg_result *result, struct db_rows *ret_rows)
{
    const size_t row_count = (size_t)PQntuples(result), column_count = (size_t)PQnfields(result);
    const char **cells = arena_calloc(ctx->arena, row_count * column_count, sizeof *cells);
    bool fits = cells != NULL;
    for (size_t row = 0; row < row_count && fits; row++)
        fits = copy_row(ctx, result, (int)row, 0, &cells[row * column_count]);
    if (!fits)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full: %zu rows", row_count);
    int64_t affected = 0;
    /* PQcmdTuples does not change its argument; its prototype is older than const. */
    (void)base_parse_int64(PQcmdTuples((PGresult *)(uintptr_t)result), &affected);
    *ret_rows = (struct db_rows){
        .row_count = row_count,
        .column_count = column_count,
        .affected = affected,
        .cells = cells,
    };
    return ST_OK;
}

/* The call that a row is for, as an index; `count` when the statement named none that there is. */
static size_t part_of(const struct pg_result *result, int row, size_t count)
{
    int64_t ordinal = 0;
    const bool good = base_parse_int64(PQgetvalue(result, row, 0), &ordinal);
    assert(good && ordinal >= 1 && ordinal <= (int64_t)count);
    return good ? (size_t)ordinal - 1 : count;
}

void db_rows_spread(const struct pg_result *result, struct db_part parts[], size_t count)
{
    const int row_count = PQntuples(result);
    const size_t column_count = (size_t)PQnfields(result) - 1;
    for (size_t i = 0; i < count; i++)
        *parts[i].rows = (struct db_rows){.column_count = column_count};
    for (int row = 0; row < row_count; row++)
        parts[part_of(result, row, count)].rows->row_count++;
    for (size_t i = 0; i < count; i++) {
        struct db_rows *rows = parts[i].rows;
        rows->affected = (int64_t)rows->row_count;
        rows->cells =
            arena_calloc(parts[i].ctx->arena, rows->row_count * column_count, sizeof *rows->cells);
        parts[i].status = rows->cells == NULL ? ST_OVERLOADED : ST_OK;
        rows->row_count = 0;
    }
    for (int row = 0; row < row_count; row++) {
        struct db_part *part = &parts[part_of(result, row, count)];
        if (part->status == ST_OK &&
            !copy_row(part->ctx, result, row, 1,
                      &part->rows->cells[part->rows->row_count++ * column_count]))
            part->status = ST_OVERLOADED;
    }
    for (size_t i = 0; i < count; i++) {
        if (parts[i].status != ST_OK)
            (void)ctx_fail(parts[i].ctx, parts[i].status, "arena full: %d rows", row_count);
    }
}
