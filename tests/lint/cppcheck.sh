#!/usr/bin/env bash
# cppcheck over our own C: errors, warnings, performance and portability.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cppcheck --quiet --error-exitcode=1 --std=c11 --language=c -j 2 --inline-suppr \
    --enable=warning,performance,portability --suppress=missingIncludeSystem --suppress=unknownMacro \
    --suppress=legacyUninitvar -D_GNU_SOURCE -Ilib lib services bench
