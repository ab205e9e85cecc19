#!/usr/bin/env bash
# Fetches what package-lock.json names, when it is not there yet. Programs of packages are not run while installing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
if [ node_modules/.package-lock.json -nt package-lock.json ]; then
    exit 0
fi
npm ci --ignore-scripts --no-audit --no-fund
