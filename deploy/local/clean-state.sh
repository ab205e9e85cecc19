#!/usr/bin/env bash
# Stops everything and drops its data, logs and secrets.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
"$local_dir/down.sh"
if [ ! -d "$STATE_DIR/pids" ]; then
    exit 0
fi
choose_run_dir
# Only what was made here is removed: STATE_DIR may be a folder that holds other things.
rm -rf "$run_dir"
for name in pids logs secrets env lock ports replicas run_dir; do
    rm -rf "${STATE_DIR:?}/$name"
done
rmdir --ignore-fail-on-non-empty "$STATE_DIR" /var/lib/boxoffice 2>/dev/null || true
say "removed the data in $STATE_DIR"
