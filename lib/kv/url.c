#include "kv/url.h"

#include <ctype.h>
#include <string.h>

#include "base/checked.h"

enum { KV_PORT_DEFAULT = 6379 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Copies [from, end) with %XX decoded; a NUL may not hide inside. */
static bool decode(const char *from, const char *end, char to[KV_URL_PART_MAX + 1])
{
    size_t used = 0;
    while (from < end) {
        int c = (unsigned char)*from++;
        if (c == '%') {
            int high = end - from >= 2 ? hex_digit(from[0]) : -1;
            int low = end - from >= 2 ? hex_digit(from[1]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = high * 16 + low;
            from += 2;
        }
        if (c == 0 || used == KV_URL_PART_MAX)
            return false;
        to[used++] = (char)c;
    }
    to[used] = '\0';
    return true;
}

static bool parse_number(const char *from, const char *end, int64_t min, int64_t max,
                         int *ret_value)
{
    char digits[8];
    size_t size = (size_t)(end - from);
    if (size == 0 || size >= sizeof digits || !isdigit((unsigned char)*from))
        return false;
    memcpy(digits, from, size);
    digits[size] = '\0';

    int64_t value;
    if (!base_parse_int64(digits, &value) || value < min || value > max)
        return false;
    *ret_value = (int)value;
    return true;
}

static bool parse_login(const char *from, const char *end, struct kv_url *url)
{
    const char *colon = memchr(from, ':', (size_t)(end - from));
    if (!colon)
        return false;
    return decode(from, colon, url->user) && decode(colon + 1, end, url->password) &&
           url->password[0] != '\0';
}

static bool parse_address(const char *from, const char *end, struct kv_address *address)
{
    const char *host_end;
    const char *after;
    if (from < end && *from == '[') {
        from++;
        host_end = memchr(from, ']', (size_t)(end - from));
        if (!host_end)
            return false;
        after = host_end + 1;
    } else {
        host_end = memchr(from, ':', (size_t)(end - from));
        if (!host_end)
            host_end = end;
        after = host_end;
    }
    if (host_end == from || !decode(from, host_end, address->host))
        return false;
    if (after == end)
        return true;
    return *after == ':' && parse_number(after + 1, end, 1, 65535, &address->port);
}

/* One address or, of a cluster, several: any of them will do to begin with. */
static bool parse_addresses(const char *from, const char *end, struct kv_url *url)
{
    for (bool is_first = true;; is_first = false) {
        const char *comma = memchr(from, ',', (size_t)(end - from));
        struct kv_address address = {.port = KV_PORT_DEFAULT};
        if (!parse_address(from, comma ? comma : end, &address))
            return false;
        if (is_first) {
            memcpy(url->host, address.host, sizeof url->host);
            url->port = address.port;
        } else {
            if (url->more_count == KV_SEEDS_MAX - 1)
                return false;
            url->more[url->more_count++] = address;
        }
        if (!comma)
            return true;
        from = comma + 1;
    }
}

enum status kv_url_parse(const char *text, struct kv_url *ret_url)
{
    static const char scheme[] = "redis://";
    struct kv_url url = {0};

    if (!text || strncmp(text, scheme, sizeof scheme - 1) != 0)
        return ST_INVALID_REQUEST;
    const char *from = text + sizeof scheme - 1;
    const char *end = strchr(from, '/');
    const char *database = end ? end + 1 : NULL;
    if (!end)
        end = from + strlen(from);

    /* The last '@' ends the login: a password may hold others. */
    const char *at = memrchr(from, '@', (size_t)(end - from));
    if (at) {
        if (!parse_login(from, at, &url))
            return ST_INVALID_REQUEST;
        from = at + 1;
    }
    if (!parse_addresses(from, end, &url))
        return ST_INVALID_REQUEST;
    if (database && *database != '\0' &&
        !parse_number(database, database + strlen(database), 0, KV_DATABASE_MAX, &url.database))
        return ST_INVALID_REQUEST;

    *ret_url = url;
    return ST_OK;
}
