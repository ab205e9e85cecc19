#!/usr/bin/env bash
# secrets.sh <namespace>: makes the Secrets that the overlay dev needs, with random values, unless they are there. In production they
# come from wherever yours come from; README.md has the list. KUBECTL names the command (kubectl).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../local/say.sh"
[ $# -eq 1 ] || fail "usage: $0 <namespace>"
namespace=$1
read -r -a kubectl <<<"${KUBECTL:-kubectl}"
kube() { "${kubectl[@]}" --namespace "$namespace" "$@"; }
random() { head -c 32 /dev/urandom | base64 | tr -dc 'a-zA-Z0-9' | head -c 40; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 077
# secret <name> <key>=<value>...: by files, as arguments can be read by everybody.
secret() {
    local name=$1 pair arguments=()
    shift
    ! kube get secret "$name" >/dev/null 2>&1 || return 0
    for pair in "$@"; do
        printf '%s' "${pair#*=}" >"$work/${pair%%=*}"
        arguments+=(--from-file="${pair%%=*}=$work/${pair%%=*}")
    done
    kube create secret generic "$name" "${arguments[@]}"
    rm -f "$work"/*
}

"${kubectl[@]}" get namespace "$namespace" >/dev/null 2>&1 || "${kubectl[@]}" create namespace "$namespace"
secret token "secret=$(random)$(random)"
secret ops "secret=$(random)"
postgres_password=$(random)
urls=()
for service in queue concert reservation wallet payment; do
    urls+=("$service=postgres://postgres:$postgres_password@postgres:5432/$service")
done
# The first two go together: what audits reads all tables.
if ! kube get secret postgres >/dev/null 2>&1; then
    secret audit "${urls[@]}"
    secret postgres "password=$postgres_password"
fi
redis_password=$(random)
secret redis "password=$redis_password" "url=redis://:$redis_password@redis:6379"
for service in queue concert reservation wallet payment; do
    owner=$(random) app=$(random)
    secret "$service-db" "owner-password=$owner" "app-password=$app" \
        "owner-url=postgres://${service}_owner:$owner@postgres:5432/$service" \
        "app-url=postgres://${service}_app:$app@postgres:5432/$service"
done
