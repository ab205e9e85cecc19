#!/usr/bin/env bash
# The last lines of every log; with FOLLOW=1 also what comes.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[ -d "$STATE_DIR/logs" ] || fail "no logs in $STATE_DIR"
exec tail -n "${LINES_EACH:-10}" ${FOLLOW:+-F} "$STATE_DIR"/logs/*.log
