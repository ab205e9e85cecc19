#!/bin/sh
# Makes a database in /var/lib/postgresql when there is none, with the superuser's password from POSTGRES_PASSWORD_FILE, and serves it.
set -eu
bin=$(echo /usr/lib/postgresql/*/bin)
data=/var/lib/postgresql/data
if [ ! -s "$data/PG_VERSION" ]; then
    "$bin/initdb" -D "$data" -U postgres -E UTF8 --locale=C.UTF-8 --auth=scram-sha-256 \
        --pwfile="$POSTGRES_PASSWORD_FILE" --data-checksums
    echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
fi
exec "$bin/postgres" -D "$data" -c 'listen_addresses=*' -c unix_socket_directories=/tmp \
    -c max_connections=400 -c timezone=UTC -c log_timezone=UTC "$@"
