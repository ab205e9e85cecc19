# shellcheck shell=bash
# The private PostgreSQL; for `source`. Loopback only, a password for every role, durable.

postgres_dir=$run_dir/postgres
postgres_bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$postgres_bin" ] || postgres_bin=$(dirname "$(command -v initdb || echo /usr/bin/initdb)")

postgres_init() {
    local password=$run_dir/password
    [ ! -f "$postgres_dir/PG_VERSION" ] || return 0
    say "making a private PostgreSQL in $postgres_dir"
    rm -rf "$postgres_dir"
    owned_dir "$postgres_user" 700 "$postgres_dir"
    (umask 077 && secret postgres >"$password")
    [ -z "$postgres_user" ] || chown "$postgres_user" "$password"
    (cd / && run_as "$postgres_user" "$postgres_bin/initdb" -D "$postgres_dir" -U postgres \
        -E UTF8 --locale=C.UTF-8 --auth=scram-sha-256 --pwfile="$password" --data-checksums) \
        >"$(log_of POSTGRES)" 2>&1 ||
        fail_process POSTGRES "the database could not be made"
    rm -f "$password"
}

postgres_query() { # [psql arguments...]
    PGPASSWORD=$(secret postgres) "$postgres_bin/psql" -X -q -v ON_ERROR_STOP=1 \
        -h 127.0.0.1 -p "$POSTGRES_PORT" -U postgres -d postgres "$@"
}

postgres_start() {
    POSTGRES_PORT=$(port_of POSTGRES)
    POSTGRES_URL=postgres://postgres:$(secret postgres)@127.0.0.1:$POSTGRES_PORT/postgres
    is_running POSTGRES && return
    postgres_init
    say "starting PostgreSQL on port $POSTGRES_PORT"
    start_process POSTGRES "$postgres_user" "$postgres_bin/postgres" -D "$postgres_dir" \
        -c "port=$POSTGRES_PORT" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
        -c max_connections=400 -c timezone=UTC -c log_timezone=UTC
    wait_for POSTGRES 60 postgres_query -c 'SELECT 1'
}

# service_url <service> <role>
service_url() {
    echo "postgres://$1_$2:$(secret "$1_$2")@127.0.0.1:$POSTGRES_PORT/$1"
}

postgres_add_service() {
    local log=$STATE_DIR/logs/database.log
    {
        # By standard input, as arguments can be read by everybody.
        printf '\\set service %s\n' "$1"
        printf '\\set owner_password %s\n' "$(secret "$1_owner")"
        printf '\\set app_password %s\n' "$(secret "$1_app")"
        printf '\\set audit_password %s\n' "$(secret "$1_audit")"
        cat "$source_dir/deploy/postgres/service.sql"
    } | postgres_query -f - >"$log" 2>&1 || fail "the database of $1 could not be made; see $log"
}
