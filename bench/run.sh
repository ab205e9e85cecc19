#!/usr/bin/env bash
# Measures Boxoffice beside the raw engines in one run and prints one table. Starts everything it needs for itself
# (durable PostgreSQL and Redis, every service in the release build) and stops it again. SECONDS_EACH=5, ROUNDS=3.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${SECONDS_EACH:-5}
rounds=${ROUNDS:-3}

export STATE_DIR PORT REPLICAS=1
STATE_DIR=$(mktemp -d /tmp/boxoffice-bench-XXXXXX)
PORT=${PORT:-18980}
export QUEUE_CAPACITY=1000000 GATEWAY_RATE_PER_USER=0

mkdir -p build
cmake --preset release >build/bench.log 2>&1 && cmake --build --preset release >>build/bench.log 2>&1 ||
    { tail -n 25 build/bench.log >&2 && exit 1; }
export BUILD_DIR=$PWD/build/release
bin=$BUILD_DIR/bin

pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    deploy/local/clean-state.sh >/dev/null 2>&1 || true
    rm -rf -- "$STATE_DIR"
}
trap finish EXIT
deploy/local/up.sh >"$STATE_DIR/up.log" 2>&1 || { tail -n 20 "$STATE_DIR/up.log" >&2 && exit 1; }
source "$STATE_DIR/env"
db=$RESERVATION_AUDIT_DB_URL

median() { sort -g | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }
resident_kib() { awk '/VmRSS/ { print $2 }' "/proc/$1/status"; }
all_resident() { # "queue 22.1 concert ..." in MiB
    local service name pid
    for service in queue concert reservation wallet payment gateway; do
        name=${service^^}_1_PID
        pid=${!name}
        printf '%s %s\n' "$service" "$(awk -v k="$(resident_kib "$pid")" 'BEGIN { printf "%.1f", k / 1024 }')"
    done
}
all_resident >"$STATE_DIR/idle"

for kind in core lib; do
    "$bin/bench_rpc" serve "$kind" >"$STATE_DIR/rpc_$kind" 2>/dev/null &
    pids+=("$!")
done
sleep 1
"$bin/bench_hold" --pgbench >"$STATE_DIR/hold.sql"
first_date=$(date -u -d '+2 days' +%F)
concert=00000000-0000-7000-8000-00000000be0c
# The first place opens the line main.
curl -fsS -o /dev/null -H 'Content-Type: application/json' -d '{"user_id":"00000000-0000-4000-8000-00000000be0c"}' \
    "$GATEWAY_1_URL/v1/queue/tokens"
# The line's own script on a line of its own, with the policy of main and numbers for all who may come.
redis() { redis-cli -u "$REDIS_URL" "$@"; }
line_script=$(redis SCRIPT LOAD "$(cat services/queue/line.lua)")
line_keys=()
for part in meta waiting active skipped places seen log rate; do line_keys+=("line:{bench}:$part"); done

rpc() { "$bin/bench_rpc" load "$1" "$(head -n 1 "$STATE_DIR/rpc_$1")" "$seconds"; }
pgbench_hold() {
    # Without the lock of lib/db two clients may meet on one seat: that client stops, the others go on.
    { PGOPTIONS='-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off' \
        pgbench -n -M prepared -c 32 -j 2 -T "$seconds" -f "$STATE_DIR/hold.sql" "$db" 2>/dev/null || true; } |
        awk '/^tps/ { printf "%.0f\n", $3 }'
}
redis_join() {
    redis DEL "${line_keys[@]}" >/dev/null
    redis COPY 'line:{main}:meta' "${line_keys[0]}" >/dev/null
    redis HSET "${line_keys[0]}" seq_end 1000000000000 >/dev/null
    redis-benchmark -u "$REDIS_URL" -c 32 -n 100000 -r 1000000000000 --csv EVALSHA "$line_script" 8 "${line_keys[@]}" \
        issue 00000000-0000-4000-8000-__rand_int__ 00000000-0000-4000-8000-__rand_int__ |
        tail -n 1 | tr -d '"' | awk -F, '{ printf "%.0f\n", $(NF - 6) }'
}
measure() { # <name> <command...>
    local name=$1 value
    shift
    value=$("$@") || { echo "$name failed" >&2 && exit 1; }
    echo "$value" >>"$STATE_DIR/figure_$name"
}
for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    measure core rpc core
    measure lib rpc lib
    measure pgbench pgbench_hold
    measure hold "$bin/bench_hold" "$db" "$seconds"
    measure reserve "$bin/bench_reserve" "$CONCERT_1_GRPC" "$RESERVATION_1_GRPC" "$seconds"
    measure redis redis_join
    measure http_join "$bin/bench_http" "$PORT" "$concert" "$first_date" join "$seconds"
    measure http_hold "$bin/bench_http" "$PORT" "$concert" "$first_date" hold "$seconds"
done
all_resident >"$STATE_DIR/loaded"

figure() { median <"$STATE_DIR/figure_$1"; }
row() { # <what> <figure> <against what> <figure> <goal>
    local ours theirs
    ours=$(figure "$2")
    theirs=$(figure "$4")
    awk -v what="$1" -v ours="$ours" -v raw="$3" -v theirs="$theirs" -v goal="$5" 'BEGIN {
        printf "| %-44s | %8d | %-36s | %8d | %5.2f | %s |\n", what, ours, raw, theirs, ours / theirs, goal }'
}
echo "| what                                         |    per s | raw engine                           |    per s | ratio | goal |"
echo "|---|---|---|---|---|---|"
row "unary call through lib/rpc, 64 in flight" lib "bare C core, one thread each side" core 0.8
row "hold through lib/db, 64 callers" hold "pgbench, same statement, 32 clients" pgbench 2.0
row "Reserve through gRPC, 128 in flight" reserve "pgbench, same statement, 32 clients" pgbench 1.2
row "join through HTTP, 64 connections" http_join "redis-benchmark, the same script" redis up
row "hold through HTTP, 64 connections" http_hold "pgbench, same statement, 32 clients" pgbench up
echo
echo "| resident MiB | idle | after the load |"
echo "|---|---|---|"
paste -d" " <(cat "$STATE_DIR/idle") <(awk "{ print \$2 }" "$STATE_DIR/loaded") | awk '{ printf "| %s | %s | %s |\n", $1, $2, $3 }'
echo
echo "$(nproc) cores, medians of $rounds rounds of $seconds s"
