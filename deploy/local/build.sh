#!/usr/bin/env bash
# build.sh [preset]: builds the suite's programs (default: release) and prints the folder they are in.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/local/say.sh
preset=${1:-release}
log=build/$preset.log
mkdir -p build

programs=()
for service in queue concert reservation wallet payment gateway admin; do
    programs+=("boxoffice-$service")
done
run() {
    "$@" >>"$log" 2>&1 || {
        tail -n 25 "$log" >&2
        fail "the build ($preset); its log: $PWD/$log"
    }
}
: >"$log"
run cmake --preset "$preset" -DBOXOFFICE_BENCH=OFF
run cmake --build --preset "$preset" --target "${programs[@]}"
echo "$PWD/build/$preset"
