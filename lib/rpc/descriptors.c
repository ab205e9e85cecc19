#include "rpc/descriptors.h"

#include <string.h>

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
enum { SET_FILE = 1 };
enum { FILE_NAME = 1, FILE_PACKAGE = 2, FILE_MESSAGE = 4, FILE_ENUM = 5, FILE_SERVICE = 6 };
enum { ANY_NAME = 1, SERVICE_METHOD = 2, MESSAGE_NESTED = 3, MESSAGE_ENUM = 4, NESTING_MAX = 8 };

static bool read_varint(struct rpc_bytes bytes, size_t *at, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && *at < bytes.size; shift += 7) {
        const uint8_t byte = bytes.data[(*at)++];
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

/* The next length-delimited field, others skipped; false at the end or where it is broken. */
static bool next_field(struct rpc_bytes message, size_t *at, uint32_t *ret_number,
                       struct rpc_bytes *ret_value)
{
    uint64_t tag, value;
    while (read_varint(message, at, &tag)) {
        const unsigned wire = tag & 7;
        if (wire == WIRE_64 || wire == WIRE_32) {
            *at += wire == WIRE_64 ? 8 : 4;
            continue;
        }
        if ((wire != WIRE_VARINT && wire != WIRE_BYTES) || !read_varint(message, at, &value))
            return false;
        if (wire == WIRE_VARINT)
            continue;
        if (value > message.size - *at)
            return false;
        *ret_number = (uint32_t)(tag >> 3);
        *ret_value = (struct rpc_bytes){message.data + *at, (size_t)value};
        *at += (size_t)value;
        return true;
    }
    return false;
}

static struct rpc_bytes find_field(struct rpc_bytes message, uint32_t wanted)
{
    struct rpc_bytes value;
    uint32_t number;
    for (size_t at = 0; next_field(message, &at, &number, &value);) {
        if (number == wanted)
            return value;
    }
    return (struct rpc_bytes){(const uint8_t *)"", 0};
}

bool rpc_next_file(struct rpc_bytes set, size_t *cursor, struct rpc_bytes *ret_file)
{
    uint32_t number = 0;
    while (next_field(set, cursor, &number, ret_file)) {
        if (number == SET_FILE)
            return true;
    }
    return false;
}

static bool equals(struct rpc_bytes bytes, const char *text, size_t size)
{
    return bytes.size == size && memcmp(bytes.data, text, size) == 0;
}

bool rpc_file_has_name(struct rpc_bytes file, const char *name)
{
    return equals(find_field(file, FILE_NAME), name, strlen(name));
}

/* Whether `symbol` is the element's name, or names something inside it. */
static bool element_has(struct rpc_bytes element, uint32_t kind, const char *symbol, int depth)
{
    const struct rpc_bytes name = find_field(element, ANY_NAME);
    const size_t head = strcspn(symbol, ".");
    if (!equals(name, symbol, head))
        return false;
    if (symbol[head] == '\0')
        return true;
    struct rpc_bytes inner;
    uint32_t number;
    for (size_t at = 0; depth < NESTING_MAX && next_field(element, &at, &number, &inner);) {
        const bool declares = kind == FILE_SERVICE
                                  ? number == SERVICE_METHOD
                                  : number == MESSAGE_NESTED || number == MESSAGE_ENUM;
        if (declares && element_has(inner, kind, symbol + head + 1, depth + 1))
            return true;
    }
    return false;
}

bool rpc_file_has_symbol(struct rpc_bytes file, const char *symbol)
{
    const struct rpc_bytes package = find_field(file, FILE_PACKAGE);
    if (package.size > 0) {
        const bool inside = strlen(symbol) > package.size &&
                            equals(package, symbol, package.size) && symbol[package.size] == '.';
        if (!inside)
            return false;
        symbol += package.size + 1;
    }
    struct rpc_bytes element;
    uint32_t number;
    for (size_t at = 0; next_field(file, &at, &number, &element);) {
        const bool declares =
            number == FILE_MESSAGE || number == FILE_ENUM || number == FILE_SERVICE;
        if (declares && element_has(element, number, symbol, 0))
            return true;
    }
    return false;
}
