#!/usr/bin/env bash
# Builds everything in the dev preset and runs every test; TESTS takes ctest arguments, such as TESTS='-L unit'.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/local/say.sh
deploy/local/install.sh
mkdir -p build
say "configuring"
cmake --preset dev >build/dev.log 2>&1 || { tail -n 25 build/dev.log >&2 && fail "cmake"; }
say "building"
cmake --build --preset dev
say "testing"
# shellcheck disable=SC2086
ctest --preset dev ${TESTS:-}
