#!/usr/bin/env bash
# What runs, what died, and where it listens.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$local_dir/process.sh"

# address_of <name>: as recorded when it was started
address_of() {
    local key
    for key in "$1_GRPC" "$1" "$1_URL"; do
        sed -n "s|^$key='\(.*\)'\$|\1|p; s|^$key=\([0-9]*\)\$|127.0.0.1:\1|p" \
            "$STATE_DIR/env" "$STATE_DIR/ports" 2>/dev/null | head -n 1
    done | head -n 1
}

names=$(recorded_processes)
[ -n "$names" ] || { say "nothing runs; start it by: make up" && exit 0; }
printf '%-15s %-8s %-8s %-10s %s\n' process state pid memory address
for name in $names; do
    pid=$(pid_of "$name")
    if [ -n "$pid" ]; then
        memory=$(awk '/^VmRSS/ { printf "%.1f MiB", $2 / 1024 }' "/proc/$pid/status")
        printf '%-15s %-8s %-8s %-10s %s\n' "$name" up "$pid" "$memory" "$(address_of "$name")"
    else
        printf '%-15s %-8s %-8s %-10s %s\n' "$name" DOWN - - "see $(log_of "$name")"
        dead=yes
    fi
done
[ -z "${dead:-}" ] || fail "something died; make up starts it again"
