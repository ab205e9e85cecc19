#!/usr/bin/env bash
# Installs what building, running and testing need and this machine lacks (Debian 12). Does nothing when all is there.
# No system service is started, stopped or enabled, and no system-wide database cluster is made.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/say.sh"

packages=(
    build-essential cmake ninja-build pkg-config git
    libgrpc-dev libprotobuf-c-dev protobuf-c-compiler protobuf-compiler
    libpq-dev libhiredis-dev libmicrohttpd-dev libjansson-dev libjwt-dev libssl-dev
    libcurl4-openssl-dev check
    postgresql postgresql-client redis-server redis-tools
    clang-format clang-tidy cppcheck chromium
    ca-certificates curl jq openssl prometheus util-linux procps
)

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}

missing=()
for package in "${packages[@]}"; do
    is_installed "$package" || missing+=("$package")
done
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
command -v kubectl >/dev/null || missing+=(kubernetes-client)
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi

command -v apt-get >/dev/null || fail "no apt-get here; please install: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "neither root nor sudo; please install: ${missing[*]}"
    as_root=(sudo)
fi
apt_install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "$@"
}

policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.conf
restore() {
    [ -z "${policy_made:-}" ] || "${as_root[@]}" rm -f "$policy"
    [ -z "${clusters_saved:-}" ] || "${as_root[@]}" mv "$clusters_saved" "$clusters"
}
trap restore EXIT

# Packages of servers ask this script before they start anything.
if [ ! -e "$policy" ]; then
    policy_made=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
fi

say "installing ${missing[*]}"
"${as_root[@]}" apt-get update -q
# The package postgresql-<version> makes a cluster "main" unless told not to.
if ! ls -d /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    is_installed postgresql-common || apt_install postgresql-common
    "${as_root[@]}" cp -p "$clusters" "$clusters.boxoffice-saved"
    clusters_saved="$clusters.boxoffice-saved"
    echo 'create_main_cluster = false' | "${as_root[@]}" tee -a "$clusters" >/dev/null
fi
apt_install "${missing[@]}"
