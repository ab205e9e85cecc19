# shellcheck shell=bash
# Which port each process listens on; for `source`. A port once given is kept in $STATE_DIR/ports.

is_listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
is_given() { grep -q "=$1\$" "$STATE_DIR/ports" 2>/dev/null; }

# Below the range that outgoing connections take their ports from (32768 and up).
free_port() {
    local port
    while :; do
        port=$((10000 + (RANDOM * 32768 + RANDOM) % 22000))
        if ! is_given "$port" && ! is_listening "$port"; then
            echo "$port"
            return
        fi
    done
}

# port_of <name> [wanted]: the port given before, else the wanted one when it is free, else a free one
port_of() {
    local port
    port=$(sed -n "s/^$1=//p" "$STATE_DIR/ports" 2>/dev/null || true)
    if [ -z "$port" ]; then
        port=${2:-}
        if [ -z "$port" ] || is_given "$port" || is_listening "$port"; then
            port=$(free_port)
        fi
        echo "$1=$port" >>"$STATE_DIR/ports"
    fi
    echo "$port"
}
