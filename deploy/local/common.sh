# shellcheck shell=bash
# What the scripts of `make up|down|status|logs` share; for `source`. Reads PORT, STATE_DIR and REPLICAS.
#
#   $STATE_DIR/env        every address and process id, as shell assignments
#   $STATE_DIR/logs       one log a process
#   $STATE_DIR/pids       one file a process: its id and start time
#   $STATE_DIR/ports      the port each process was given, kept from run to run
#   $STATE_DIR/secrets    passwords, and the secret that signs queue tokens
#   $run_dir              binaries and data: what the unprivileged users must reach
set -euo pipefail
umask 022
local_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_dir=$(cd "$local_dir/../.." && pwd)
source "$local_dir/say.sh"

PORT=${PORT:-8080}
REPLICAS=${REPLICAS:-1}
STATE_DIR=$(realpath -m "${STATE_DIR:-$source_dir/var}")
services=(queue concert reservation wallet payment)
# What the caller's shell says of its own databases is not meant for ours.
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGPASSFILE PGSERVICE PGOPTIONS PGSSLMODE

is_number() { [[ $1 =~ ^[0-9]{1,5}$ ]] && [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]; }
is_number "$PORT" 1 65535 || fail "PORT must be 1..65535, not '$PORT'"
is_number "$REPLICAS" 1 20 || fail "REPLICAS must be 1..20, not '$REPLICAS'"

upper() { printf '%s' "${1^^}"; }
random_hex() { od -An -v -tx1 -N "$1" /dev/urandom | tr -d ' \n'; }

# Root's servers run as users that can do nothing else; everybody else's as oneself.
if [ "$(id -u)" -eq 0 ]; then
    postgres_user=postgres
    redis_user=redis
    service_user=nobody
else
    postgres_user='' redis_user='' service_user=''
fi
# as_user <user> <command...>; in place of the calling (sub)shell. '' is oneself.
exec_as() {
    local user=$1
    shift
    [ -n "$user" ] || exec "$@"
    exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups --no-new-privs -- "$@"
}
run_as() { (exec_as "$@"); }

# owned_dir <user> <mode> <dir>
owned_dir() {
    mkdir -p "$3"
    chmod "$2" "$3"
    [ -z "$1" ] || chown "$1:$(id -g "$1")" "$3"
}

# $STATE_DIR may lie where those users cannot go (a clone in the home of root): then what they must reach is kept elsewhere.
choose_run_dir() {
    if [ -f "$STATE_DIR/run_dir" ]; then
        run_dir=$(<"$STATE_DIR/run_dir")
        return
    fi
    run_dir=$STATE_DIR/run
    mkdir -p "$run_dir"
    if [ -n "$service_user" ] && ! run_as "$service_user" test -x "$run_dir"; then
        rmdir "$run_dir"
        run_dir=/var/lib/boxoffice/$(printf '%s' "$STATE_DIR" | sha256sum | cut -c 1-16)
    fi
    echo "$run_dir" >"$STATE_DIR/run_dir"
}

prepare_state() {
    mkdir -p "$STATE_DIR/logs" "$STATE_DIR/pids"
    choose_run_dir
    mkdir -p "$run_dir/bin"
    chmod 755 "$run_dir" "$run_dir/bin"
    mkdir -p "$STATE_DIR/secrets"
    chmod 700 "$STATE_DIR/secrets"
}

# Only one script at a time changes what runs here. Servers must not inherit the lock: see start_process.
lock_state() {
    exec 9>"$STATE_DIR/lock"
    flock -w 300 9 || fail "another script is at work in $STATE_DIR"
}

# secret <name>: makes it at first use
secret() {
    local file=$STATE_DIR/secrets/$1
    [ -s "$file" ] || (umask 077 && random_hex 24 >"$file")
    cat "$file"
}
