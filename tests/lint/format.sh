#!/usr/bin/env bash
# Every C file is as clang-format writes it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
git ls-files '*.c' '*.h' | xargs -r clang-format --dry-run -Werror
