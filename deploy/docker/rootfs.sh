#!/bin/sh
# rootfs.sh <service> <folder of programs> <out>: the files of one image: the program as /boxoffice, the libraries that its dynamic
# loader asks for, a user, and for the gateway the page.
set -eu
service=$1 programs=$2 out=$3
program=$programs/boxoffice-$service

mkdir -p "$out/etc" "$out/tmp"
cp "$program" "$out/boxoffice"
strip "$out/boxoffice"
# "libx.so => /lib/libx.so (0x...)", and the loader itself: "/lib64/ld-linux-x86-64.so.2 (0x...)"
ldd "$program" | awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' | while read -r library; do
    mkdir -p "$out$(dirname "$library")"
    cp -L "$library" "$out$library"
done
printf 'boxoffice:x:65532:65532::/:/sbin/nologin\n' >"$out/etc/passwd"
printf 'boxoffice:x:65532:\n' >"$out/etc/group"
printf 'hosts: files dns\n' >"$out/etc/nsswitch.conf"
if [ "$service" = gateway ]; then
    cp -R web/public "$out/web"
    cp web/openapi.json "$out/web/"
fi
