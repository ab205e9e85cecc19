# shellcheck shell=bash
# Starting, knowing and stopping processes; for `source`. A process is known by a name such as WALLET_1.
# Its file $STATE_DIR/pids/<name> holds its id and its start time, so that a recycled id is never taken for it.

# started_at <pid>: in clock ticks since boot, nothing when it is gone (a zombie is)
started_at() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    stat=${stat##*) }
    # shellcheck disable=SC2086
    set -- $stat
    [ "$1" = Z ] || echo "${20}"
}

pid_of() {
    local pid started
    read -r pid started 2>/dev/null <"$STATE_DIR/pids/$1" || return 0
    [ "$(started_at "$pid")" != "$started" ] || echo "$pid"
}
is_running() { [ -n "$(pid_of "$1")" ]; }

log_of() { echo "$STATE_DIR/logs/${1,,}.log"; }

# start_process <name> <user> <command...>: the command itself becomes the process, with the environment of now
start_process() {
    local name=$1 user=$2 pid
    shift 2
    (
        exec 9>&- </dev/null >>"$(log_of "$name")" 2>&1
        cd /
        # In a session of its own, so that Ctrl-C at the terminal is not for it.
        exec_as "$user" setsid "$@"
    ) &
    pid=$!
    echo "$pid $(started_at "$pid")" >"$STATE_DIR/pids/$name"
}

# fail_process <name> <what>: with the end of its log
fail_process() {
    tail -n 15 "$(log_of "$1")" >&2 || true
    fail "$2; its log: $(log_of "$1")"
}

# wait_for <name> <seconds> <command...>: until the command succeeds; the process must live on
wait_for() {
    local name=$1 deadline=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        is_running "$name" || fail_process "$name" "$name stopped while starting"
        [ "$SECONDS" -lt "$deadline" ] || fail_process "$name" "$name is not ready after a while"
        sleep 0.1
    done
    # What answered may have been another program at its address.
    is_running "$name" || fail_process "$name" "$name stopped while starting"
}

# stop_process <name> <signal> <seconds>: asked first, killed when it will not
stop_process() {
    local pid deadline=$((SECONDS + $3))
    pid=$(pid_of "$1")
    if [ -n "$pid" ]; then
        kill -s "$2" "$pid" 2>/dev/null || true
        kill -s CONT "$pid" 2>/dev/null || true
        while is_running "$1" && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.05; done
        if is_running "$1"; then
            say "$1 (pid $pid) did not stop in time and is killed"
            kill -s KILL "$pid" 2>/dev/null || true
            while is_running "$1"; do sleep 0.05; done
        fi
    fi
    rm -f "$STATE_DIR/pids/$1"
}

# Names of all that was started and not stopped, alive or not.
recorded_processes() { ls "$STATE_DIR/pids" 2>/dev/null || true; }
recorded_services() { recorded_processes | grep -E '_[0-9]+$' || true; }

stop_all() { # <names...>, all at once
    local name
    for name in "$@"; do
        stop_process "$name" TERM 20 &
    done
    wait
}

stop_services() {
    # The gateways first, so that what they accepted can still be served.
    # shellcheck disable=SC2046
    stop_all $(recorded_services | grep "^GATEWAY_" || true)
    # shellcheck disable=SC2046
    stop_all $(recorded_services)
}
