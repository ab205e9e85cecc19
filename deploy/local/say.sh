# shellcheck shell=bash
# How every script here speaks; for `source`.
say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
fail() {
    printf '\033[1;31mfailed:\033[0m %s\n' "$*" >&2
    exit 1
}
