#!/usr/bin/env bash
# Functions that cannot be used safely, and switches that turn our checks off.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
hits=$(git grep -nwE '(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|alloca|setjmp|longjmp)[[:space:]]*\(' -- '*.c' '*.h' || true)
hits+=$(git grep -nE 'DNDEBUG|define NDEBUG' -- '*.c' '*.h' '*.cmake' CMakeLists.txt CMakePresets.json |
    grep -v "CMake's -DNDEBUG goes" || true)
[ -z "$hits" ] || { echo "$hits" && exit 1; }
