#!/usr/bin/env bash
# secrets.sh: makes the secret files of deploy/compose.yaml, with random values, under var/compose; a set that is there is kept.
# A set is one: an incomplete one is refused, as passwords would not agree with what the databases have.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/local/say.sh
folder=var/compose
services=(queue concert reservation wallet payment)
random() { head -c 64 /dev/urandom | base64 -w 0 | tr -dc 'a-zA-Z0-9' | cut -c 1-40 | tr -d '\n'; }

if [ -e "$folder/done" ]; then
    say "the secrets in $folder are kept"
    exit 0
fi
[ ! -e "$folder" ] || fail "$folder is incomplete: remove it (and the volumes, if there are any)"
# The containers run as another user and must read the files; the folder lets nobody else in.
mkdir -p var
umask 022
mkdir -m 700 "$folder"
put() { printf '%s' "$2" >"$folder/$1"; }
put token "$(random)$(random)"
put ops "$(random)"
postgres=$(random) redis=$(random)
put postgres-password "$postgres"
put redis-password "$redis"
put redis-url "redis://:$redis@redis:6379"
for service in "${services[@]}"; do
    owner=$(random) app=$(random)
    put "$service-owner-password" "$owner"
    put "$service-app-password" "$app"
    put "$service-owner-url" "postgres://${service}_owner:$owner@postgres:5432/$service"
    put "$service-app-url" "postgres://${service}_app:$app@postgres:5432/$service"
    put "$service-audit-url" "postgres://postgres:$postgres@postgres:5432/$service"
done
: >"$folder/done"
say "made the secrets in $folder"
