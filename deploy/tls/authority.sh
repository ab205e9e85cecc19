#!/usr/bin/env bash
# A development authority for mutual TLS between the services:
#
#   deploy/tls/authority.sh <folder> [name...]
#
# makes <folder>/ca.crt (and its key) unless it is there, and issues a new <name>.crt and <name>.key for each name: all
# services, and admin for boxoffice-admin, when none is given. A certificate's DNS name is the service's name to the others; in
# EXTRA_NAMES stand more (host names, for people's tools). Files are replaced at once, so a running service never reads half of
# one: to rotate, run it again. In production an authority of yours does this; the services only see files.
set -euo pipefail
umask 077
source "$(dirname "${BASH_SOURCE[0]}")/../local/say.sh"

[ $# -ge 1 ] || fail "usage: $0 <folder> [name...]"
folder=$1
shift
names=("$@")
[ ${#names[@]} -gt 0 ] || names=(queue concert reservation wallet payment gateway admin)
DAYS=${DAYS:-90}
mkdir -p "$folder"
work=$(mktemp -d "$folder/.new.XXXXXX")
trap 'rm -rf "$work"' EXIT

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

if [ ! -s "$folder/ca.key" ]; then
    new_key "$work/ca.key"
    openssl req -x509 -new -key "$work/ca.key" -sha256 -days 3650 -subj "/CN=boxoffice development authority" \
        -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign \
        -out "$work/ca.crt"
    chmod 644 "$work/ca.crt"
    mv "$work/ca.crt" "$work/ca.key" "$folder/"
fi

issue() { # <name>
    local name=$1 extra san="DNS:$1"
    for extra in ${EXTRA_NAMES:-}; do san+=",DNS:$extra"; done
    new_key "$work/$name.key"
    openssl req -new -key "$work/$name.key" -subj "/CN=$name" -out "$work/$name.csr"
    openssl x509 -req -in "$work/$name.csr" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -sha256 -days "$DAYS" \
        -set_serial "0x$(openssl rand -hex 16)" -out "$work/$name.crt" 2>/dev/null -extfile <(
        printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n'
        printf 'extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=%s\n' "$san")
    chmod 644 "$work/$name.crt"
    # A service that looks between these two sees a key that does not fit, keeps what it has, and looks again.
    mv "$work/$name.key" "$work/$name.crt" "$folder/"
}
for name in "${names[@]}"; do issue "$name"; done
