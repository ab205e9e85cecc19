#!/usr/bin/env bash
# packages.sh <folder...>: fetches what each folder's package-lock.json names, when it is not there yet. Programs of
# packages are not run while installing.
set -euo pipefail
for folder in "$@"; do
    if [ ! "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ]; then
        npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund
    fi
done
