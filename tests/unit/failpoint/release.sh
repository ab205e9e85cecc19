#!/usr/bin/env bash
# A release build holds no fail point: neither the library nor the services that call it. The test build holds both, so
# this would notice if it looked in the wrong place.
# usage: release.sh <source dir> <test build dir>
set -euo pipefail
source_dir=$1
test_build=$2
release_build=$(mktemp -d)
trap 'rm -rf "$release_build"' EXIT
targets=(boxoffice_failpoint wallet_service reservation_service payment_service)

(cd "$source_dir" && cmake --preset release -B "$release_build" -DBOXOFFICE_BENCH=OFF) >/dev/null
cmake --build "$release_build" --target "${targets[@]}" >/dev/null

# objects <build dir>: what could hold a fail point
objects() {
    find "$1/lib/failpoint" "$1/services" \( -path '*failpoint.dir*' -o -path '*_service.dir*' \) -name '*.o'
}
# holding <build dir>: those that do
holding() {
    local object
    objects "$1" | while read -r object; do
        # Not by grep -q, which may leave nm writing to nobody.
        if [ "$(nm "$object" | grep -c failpoint_hit)" -gt 0 ] || grep -q FAIL_AT "$object"; then echo "$object"; fi
    done
}

[ "$(holding "$test_build" | wc -l)" -ge 5 ] || { echo "the test build at $test_build holds no fail points" && exit 1; }
[ "$(objects "$release_build" | wc -l)" -ge 5 ] || { echo "nothing was built" && exit 1; }
left=$(holding "$release_build")
[ -z "$left" ] || { printf 'fail points in a release build:\n%s\n' "$left" && exit 1; }
