#!/usr/bin/env bash
# A function fits on a screen or two (100 lines), a file in a sitting (700).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
long=$(git ls-files 'lib/*.c' 'services/*.c' | xargs -r awk '
    FNR == 1 { inside = 0 } /^\{/ { start = FNR; inside = 1 }
    /^\}/ { if (inside && FNR - start > 100) printf "%s:%d: %d lines\n", FILENAME, start, FNR - start; inside = 0 }')
big=$(git ls-files '*.c' '*.h' | xargs -r wc -l | awk '$2 != "total" && $1 > 700 { print $2 ": " $1 " lines" }')
[ -z "$long$big" ] || { printf '%s\n' "$long" "$big" && exit 1; }
