#!/usr/bin/env bash
# Stops all that `make up` started here: services first, Redis, PostgreSQL. The data stays.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[ -d "$STATE_DIR/pids" ] || { say "nothing was started in $STATE_DIR" && exit 0; }
lock_state
source "$local_dir/process.sh"

stop_services
stop_process REDIS TERM 30
# INT is the fast shutdown: sessions are ended, a checkpoint is written.
stop_process POSTGRES INT 60
rm -f "$STATE_DIR/env"
say "stopped"
