#!/usr/bin/env bash
# Builds the images of all programs with podman or docker and prints their sizes.
#   ENGINE   podman or docker; default: whichever is there, podman first
#   PREFIX   what stands before the names (localhost/boxoffice-), TAG after them (dev)
#   BASE     the image to build in (debian:12-slim)
#   OPTIONS  more arguments of `build`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/local/say.sh

ENGINE=${ENGINE:-$(command -v podman || command -v docker || true)}
[ -n "$ENGINE" ] || fail "neither podman nor docker is here"
PREFIX=${PREFIX:-localhost/boxoffice-}
TAG=${TAG:-dev}
revision=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
programs=(queue concert reservation wallet payment gateway admin)
stores=(postgres redis) # for those who have none of their own

# image <name> <Dockerfile> <arguments...>
image() {
    local name=$1 file=$2
    shift 2
    say "building $PREFIX$name:$TAG"
    # shellcheck disable=SC2086
    "$ENGINE" build -q ${OPTIONS:-} -f "deploy/docker/$file" ${BASE:+--build-arg "BASE=$BASE"} "$@" \
        -t "$PREFIX$name:$TAG" . >/dev/null
}
for program in "${programs[@]}"; do
    image "$program" Dockerfile --build-arg "SERVICE=$program" --build-arg "REVISION=$revision"
done
for store in "${stores[@]}"; do image "$store" stores.Dockerfile --target "$store"; done
for name in "${programs[@]}" "${stores[@]}"; do
    bytes=$("$ENGINE" image inspect --format '{{.Size}}' "$PREFIX$name:$TAG")
    printf '%-40s %6.1f MiB\n' "$PREFIX$name:$TAG" "$(awk "BEGIN { print $bytes / 1048576 }")"
done
