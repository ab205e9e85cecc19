#!/bin/sh
# Redis with its data in /var/lib/redis and every write in its append-only file; the password from REDIS_PASSWORD_FILE comes by
# standard input, as arguments can be read by everybody.
set -eu
file=${REDIS_PASSWORD_FILE:-/run/boxoffice/redis/password}
{
    printf 'bind * -::*\nport 6379\ndir /var/lib/redis\nappendonly yes\nappendfsync everysec\nsave ""\n'
    printf 'requirepass %s\n' "$(cat "$file")"
} | exec redis-server - "$@"
