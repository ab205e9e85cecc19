#!/usr/bin/env bash
# Measures Boxoffice beside the raw engines in one run and prints one table. Starts everything it needs for itself
# (durable PostgreSQL and Redis, every service in the release build) and stops it again. bench/README.md says what
# each row is and how to read it. SECONDS_EACH=2 of each measurement, ROUNDS=7, ROWS="unary blocking hold reserve join http_hold".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${SECONDS_EACH:-2}
rounds=${ROUNDS:-7}
rows=${ROWS:-unary blocking hold reserve join http_hold}

mkdir -p build
cmake --preset release >build/bench.log 2>&1 && cmake --build --preset release >>build/bench.log 2>&1 ||
    { tail -n 25 build/bench.log >&2 && exit 1; }
export BUILD_DIR=$PWD/build/release
bin=$BUILD_DIR/bin

export STATE_DIR PORT REPLICAS=1 FREE_PORTS=yes
STATE_DIR=$(mktemp -d /tmp/boxoffice-bench-XXXXXX)
PORT=${PORT:-18980}
export QUEUE_CAPACITY=1000000 GATEWAY_RATE_PER_USER=0

pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    deploy/local/clean-state.sh >/dev/null 2>&1 || true
    rm -rf -- "$STATE_DIR"
}
trap finish EXIT
deploy/local/up.sh >"$STATE_DIR/up.log" 2>&1 || { tail -n 20 "$STATE_DIR/up.log" >&2 && exit 1; }
source "$STATE_DIR/env"
# The service's own role: no other may write its tables.
db=$(tr '\0' '\n' <"/proc/$RESERVATION_1_PID/environ" | sed -n 's/^RESERVATION_DB_URL=//p')

resident_mib() { # <field of /proc/<pid>/status>: "queue 22.1", a service a line
    local service name
    for service in queue concert reservation wallet payment gateway; do
        name=${service^^}_1_PID
        awk -v service="$service" -v field="$1:" '$1 == field { printf "%s %.1f\n", service, $2 / 1024 }' \
            "/proc/${!name}/status"
    done
}
resident_mib VmRSS >"$STATE_DIR/idle"

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
# Seeds the concert that all rows hold seats of.
"$bin/bench_reserve" "$CONCERT_1_GRPC" "$RESERVATION_1_GRPC" 0.1 >/dev/null
# The line's own script on a line of its own, with the policy of main and numbers for all who may come.
redis() { redis-cli -u "$REDIS_URL" "$@"; }
line_script=$(redis SCRIPT LOAD "$(cat services/queue/line.lua)")
line_keys=()
for part in meta waiting active skipped places seen log rate; do line_keys+=("line:{bench}:$part"); done

rpc() { # <kind of load> <kind of server>
    "$bin/bench_rpc" load "$1" "$(head -n 1 "$STATE_DIR/rpc_$2")" "$seconds"
}
pgbench_hold() {
    # Without the lock of lib/db two clients may meet on one seat: that client stops, the others go on.
    { PGOPTIONS='-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off' \
        pgbench -n -M prepared -c 32 -j 2 -T "$seconds" -f "$STATE_DIR/hold.sql" "$db" 2>/dev/null || true; } |
        awk '/^number of transactions actually/ { all = $NF } /^tps/ { printf "%.0f %d\n", $3, all }'
}
redis_join() {
    redis DEL "${line_keys[@]}" >/dev/null
    redis COPY 'line:{main}:meta' "${line_keys[0]}" >/dev/null
    redis HSET "${line_keys[0]}" seq_end 1000000000000 >/dev/null
    redis-benchmark -u "$REDIS_URL" -c 32 -n 100000 -r 1000000000000 --csv EVALSHA "$line_script" 8 "${line_keys[@]}" \
        issue 00000000-0000-4000-8000-__rand_int__ 00000000-0000-4000-8000-__rand_int__ |
        tail -n 1 | tr -d '"' | awk -F, '{ printf "%.0f 100000\n", $(NF - 6) }'
}
# Processor time so far, in hundredths of a second, of what serves: the services, both stores with their children, the
# echo servers. The load generators come on top.
serving_ticks() {
    local service name served=("$POSTGRES_PID" "$REDIS_PID" "${pids[@]}")
    for service in QUEUE CONCERT RESERVATION WALLET PAYMENT GATEWAY; do
        name=${service}_1_PID
        served+=("${!name}")
    done
    cat /proc/[0-9]*/stat 2>/dev/null | sed 's/(.*)/-/' | awk -v list="${served[*]}" -v postgres="$POSTGRES_PID" '
        BEGIN { for (n = split(list, all, " "); n > 0; n--) wanted[all[n]] = 1 }
        $1 in wanted || $4 == postgres { sum += $14 + $15 + ($1 == postgres ? $16 + $17 : 0) }
        END { print sum + 0 }'
}
# one <command that prints "<per second> <done in all>">: prints "<per second> <microseconds of processor each>"
one() {
    local before after value
    before=$(serving_ticks)
    { TIMEFORMAT='%U %S' && time value=$("$@" 2>"$STATE_DIR/errors"); } 2>"$STATE_DIR/time" ||
        { sort "$STATE_DIR/errors" | uniq -c | head -n 5 >&2 && echo "$* failed" >&2 && exit 1; }
    after=$(serving_ticks)
    awk -v value="$value" -v ticks=$((after - before)) '{
        split(value, part, " ")
        printf "%d %.1f\n", part[1], ($1 + $2 + ticks / 100) * 1e6 / part[2] }' "$STATE_DIR/time"
}
# Ours and the raw engine one after the other, turn by turn first, so that a busy moment hits both alike.
pair() { # <row> <round> <ours...> -- <raw...>
    local row=$1 round=$2 ours=() mine theirs
    shift 2
    [[ " $rows " == *" $row "* ]] || return 0
    while [ "$1" != -- ]; do ours+=("$1") && shift; done
    shift
    if ((round % 2)); then
        mine=$(one "${ours[@]}")
        theirs=$(one "$@")
    else
        theirs=$(one "$@")
        mine=$(one "${ours[@]}")
    fi
    echo "$mine $theirs" >>"$STATE_DIR/row_$row"
    echo "  $row: $mine | $theirs" >&2
}
for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    pair unary "$round" rpc lib lib -- rpc core core
    pair blocking "$round" rpc lib lib -- rpc blocking core
    pair hold "$round" "$bin/bench_hold" "$db" "$seconds" -- pgbench_hold
    pair reserve "$round" "$bin/bench_reserve" "$CONCERT_1_GRPC" "$RESERVATION_1_GRPC" "$seconds" -- pgbench_hold
    pair join "$round" "$bin/bench_http" "$PORT" "$concert" "$first_date" join "$seconds" -- redis_join
    pair http_hold "$round" "$bin/bench_http" "$PORT" "$concert" "$first_date" hold "$seconds" -- pgbench_hold
done
resident_mib VmHWM >"$STATE_DIR/loaded"

median() { # <row> <expression over its columns>
    awk "{ print $2 }" "$STATE_DIR/row_$1" | sort -g | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'
}
row() { # <row> <what> <against what> <goal>
    [[ " $rows " == *" $1 "* ]] || return 0
    printf '| %-42s | %7d | %-36s | %7d | %5.2f | %-4s | %5.1f | %5.1f |\n' "$2" "$(median "$1" '$1')" "$3" \
        "$(median "$1" '$3')" "$(median "$1" '$1 / $3')" "$4" "$(median "$1" '$2')" "$(median "$1" '$4')"
}
echo "| what | per s | raw engine | per s | ratio | goal | us each | raw us each |"
echo "|---|---|---|---|---|---|---|---|"
row unary "unary call through lib/rpc, 64 in flight" "bare C core, one thread each side" 0.8
row blocking "unary call through lib/rpc, 64 in flight" "bare C core, a thread a call" ""
row hold "hold through lib/db, 64 callers" "pgbench, same statement, 32 clients" 2.0
row reserve "Reserve through gRPC, 128 in flight" "pgbench, same statement, 32 clients" 1.2
row join "join through HTTP, 64 connections" "redis-benchmark, the same script" up
row http_hold "hold through HTTP, 64 connections" "pgbench, same statement, 32 clients" up
echo
echo "| resident MiB | idle | at most, under the load |"
echo "|---|---|---|"
paste -d" " "$STATE_DIR/idle" "$STATE_DIR/loaded" | awk '{ printf "| %s | %s | %s |\n", $1, $2, $4 }'
echo
echo "$(nproc) cores, load average $(cut -d' ' -f1 /proc/loadavg) at the end; medians of $rounds rounds of $seconds s, ratios within a round"
