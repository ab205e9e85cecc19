#!/usr/bin/env bash
# Nothing generated, no path of a developer's machine, no registry, no private key in git.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bad=0
generated=$(git ls-files | grep -E '\.pb-c\.[ch]$|\.fds$|(^|/)node_modules/|^build/|^var/' || true)
[ -z "$generated" ] || { printf 'generated:\n%s\n' "$generated" && bad=1; }
for pattern in '/work''/main' '/root''/\.' 'BEGIN [A-Z ]*PRIVATE'' KEY' 'registry\.npm''js' 'deb\.debian''\.org'; do
    hits=$(git grep -nE -e "$pattern" -- . ':!tests/lint/tree.sh' || true)
    [ -z "$hits" ] || { printf '%s:\n%s\n' "$pattern" "$hits" && bad=1; }
done
exit "$bad"
