# shellcheck shell=bash
# The private Redis; for `source`. Loopback only, every write in its append-only file.

redis_start() {
    REDIS_PORT=$(port_of REDIS)
    REDIS_URL=redis://127.0.0.1:$REDIS_PORT
    is_running REDIS && return
    say "starting Redis on port $REDIS_PORT"
    owned_dir "$redis_user" 700 "$run_dir/redis"
    start_process REDIS "$redis_user" redis-server --port "$REDIS_PORT" --bind 127.0.0.1 \
        --dir "$run_dir/redis" --appendonly yes --appendfsync everysec --save '' --daemonize no
    # It answers LOADING until its file is read.
    wait_for REDIS 60 redis_answers
}
redis_answers() { [ "$(redis-cli -p "$REDIS_PORT" ping 2>/dev/null)" = PONG ]; }
