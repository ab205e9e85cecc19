/* The parts of a redis:// URL (https://www.iana.org/assignments/uri-schemes/prov/redis). Private to
 * lib/kv. */
#ifndef KV_URL_H
#define KV_URL_H

#include <stddef.h>

#include "base/macros.h"
#include "base/status.h"

enum { KV_URL_PART_MAX = 255, KV_DATABASE_MAX = 1023, KV_SEEDS_MAX = 16 };

struct kv_address {
    char host[KV_URL_PART_MAX + 1];
    int port; /* 6379 unless told */
};

struct kv_url {
    char host[KV_URL_PART_MAX + 1];
    char user[KV_URL_PART_MAX + 1];           /* "" when there is none */
    char password[KV_URL_PART_MAX + 1];       /* "" when there is none */
    int port;                                 /* 6379 unless told */
    struct kv_address more[KV_SEEDS_MAX - 1]; /* further nodes of a cluster */
    size_t more_count;
    int database; /* 0 unless told */
};

/* Parses redis://[[user]:password@]host[:port][,host[:port]...][/db]; user and password may be
 * percent-encoded, the host may be an IPv6 address in brackets. ST_INVALID_REQUEST and *ret_url
 * unchanged for anything else. */
enum status kv_url_parse(const char *text, struct kv_url *ret_url) MUST_CHECK;

#endif
