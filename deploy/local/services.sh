# shellcheck shell=bash
# The suite's own processes; for `source`. Every setting in the caller's environment reaches them; only where
# they listen, whom they call and their stores are decided here.

declare -A grpc_port=([queue]=50051 [concert]=50052 [reservation]=50053 [wallet]=50054 [payment]=50055)
declare -A admin_port=([gateway]=9100 [queue]=9101 [concert]=9102 [reservation]=9103 [wallet]=9104 [payment]=9105)

# The first instance has the documented port when that is free, others any free one; with FREE_PORTS every one.
first() { if [ "$1" -eq 1 ] && [ -z "${FREE_PORTS:-}" ]; then echo "$2"; fi; }
# A program of somebody else may have taken a port of ours while nothing of ours listened on it.
refuse_taken() { # <address...>
    local address
    for address in "$@"; do
        ! is_listening "${address#*:}" || fail "port ${address#*:} is taken by another program"
    done
}
grpc_address() { echo "127.0.0.1:$(port_of "$(upper "$1")_$2_GRPC" "$(first "$2" "${grpc_port[$1]}")")"; }
admin_address() { echo "127.0.0.1:$(port_of "$(upper "$1")_$2_ADMIN" "$(first "$2" "${admin_port[$1]}")")"; }
gateway_address() { echo "127.0.0.1:$((PORT + $1 - 1))"; }

# target <service>: all its instances
target() {
    local n addresses=()
    for ((n = 1; n <= REPLICAS; n++)); do
        addresses+=("$(grpc_address "$1" "$n")")
    done
    (IFS=, && echo "${addresses[*]}")
}

# One secret signs and checks queue tokens; the caller's when there is one.
prepare_token_secret() {
    local given=$STATE_DIR/secrets/token
    if [ -n "${TOKEN_SECRET:-}" ]; then
        (umask 077 && printf '%s' "$TOKEN_SECRET" >"$given")
    elif [ -n "${TOKEN_SECRET_FILE:-}" ] && [ "$TOKEN_SECRET_FILE" != "$run_dir/token" ]; then
        (umask 077 && cat "$TOKEN_SECRET_FILE" >"$given")
    fi
    secret token >/dev/null
    install -m 400 ${service_user:+-o "$service_user"} "$given" "$run_dir/token"
    unset TOKEN_SECRET
    export TOKEN_SECRET_FILE=$run_dir/token
}

# With TLS=yes: an authority of its own, and a certificate for each service, which only it may read.
prepare_tls() {
    [ "${TLS:-no}" = yes ] || return 0
    [ -f "$run_dir/tls/admin.crt" ] || "$source_dir/deploy/tls/authority.sh" "$run_dir/tls" ||
        fail "the certificates could not be made"
    own_tls
}
own_tls() {
    chmod 755 "$run_dir/tls"
    [ -z "$service_user" ] || chown "$service_user" "$run_dir"/tls/*.key
    chmod 400 "$run_dir"/tls/*.key
}
export_tls() { # <service>
    [ "${TLS:-no}" = yes ] || return 0
    export RPC_TLS_CA_FILE=$run_dir/tls/ca.crt
    export RPC_TLS_CERTIFICATE_FILE=$run_dir/tls/$1.crt RPC_TLS_KEY_FILE=$run_dir/tls/$1.key
}

# What opens /ops; the caller's when there is one.
prepare_ops_secret() {
    [ -z "${GATEWAY_ADMIN_SECRET:-}${GATEWAY_ADMIN_SECRET_FILE:-}" ] || return 0
    secret ops >/dev/null
    install -m 400 ${service_user:+-o "$service_user"} "$STATE_DIR/secrets/ops" "$run_dir/ops"
    export GATEWAY_ADMIN_SECRET_FILE=$run_dir/ops
}

install_binaries() { # <build dir>
    local name
    for name in "${services[@]}" gateway admin; do
        install -m 755 "$1/bin/boxoffice-$name" "$run_dir/bin/" ||
            fail "boxoffice-$name is not in $1/bin"
    done
}

# The page and its document, where the gateway's user can read them.
install_page() {
    rm -rf "$run_dir/web"
    mkdir -p "$run_dir/web/assets"
    install -m 644 "$source_dir"/web/public/*.html "$source_dir/web/openapi.json" "$run_dir/web/"
    install -m 644 "$source_dir"/web/public/assets/* "$run_dir/web/assets/"
}

migrate_service() {
    local owner=$(upper "$1")_MIGRATE_DB_URL log
    log=$(log_of "migrate-$1")
    env "$owner=$(service_url "$1" owner)" "$run_dir/bin/boxoffice-$1" migrate >"$log" 2>&1 ||
        { tail -n 5 "$log" >&2 && fail "the tables of $1 could not be made; see $log"; }
}

export_targets() {
    local service
    for service in "${services[@]}"; do
        export "$(upper "$service")_TARGET=$(target "$service")"
    done
}

start_service() { # <service> <n>
    local service=$1 n=$2 prefix
    prefix=$(upper "$service")
    is_running "${prefix}_$n" && return
    refuse_taken "$(grpc_address "$service" "$n")" "$(admin_address "$service" "$n")"
    say "starting $service $n on $(grpc_address "$service" "$n")"
    (
        export "${prefix}_LISTEN=$(grpc_address "$service" "$n")"
        export "${prefix}_ADMIN_LISTEN=$(admin_address "$service" "$n")"
        export "${prefix}_DB_URL=$(service_url "$service" app)"
        [ "$service" != queue ] || export QUEUE_REDIS_URL=$REDIS_URL
        export_tls "$service"
        start_process "${prefix}_$n" "$service_user" "$run_dir/bin/boxoffice-$service"
    )
}

start_gateway() { # <n>
    local address
    is_running "GATEWAY_$1" && return
    address=$(gateway_address "$1")
    ! is_listening "${address#*:}" || fail "port ${address#*:} is taken by another program; choose one by PORT=..."
    refuse_taken "$(admin_address gateway "$1")"
    say "starting gateway $1 on $address"
    (
        export GATEWAY_LISTEN=$address
        export GATEWAY_ADMIN_LISTEN=$(admin_address gateway "$1")
        export_tls gateway
        export GATEWAY_WEB_DIR=${GATEWAY_WEB_DIR-$run_dir/web}
        export GATEWAY_AUDIT_FILE=${GATEWAY_AUDIT_FILE-$run_dir/audit/report.json}
        start_process "GATEWAY_$1" "$service_user" "$run_dir/bin/boxoffice-gateway"
    )
}

# Looks whether all invariants hold, again and again; /ops shows what it found.
start_audit() {
    is_running AUDIT_1 && return
    local service
    say "starting the audit"
    owned_dir "$service_user" 755 "$run_dir/audit"
    (
        for service in "${services[@]}"; do
            export "$(upper "$service")_AUDIT_DB_URL=$(service_url "$service" audit)"
        done
        export AUDIT_ADMIN_LISTEN=127.0.0.1:$(port_of AUDIT_1_ADMIN "$(first 1 9106)")
        export AUDIT_REPORT_FILE=$run_dir/audit/report.json
        start_process AUDIT_1 "$service_user" "$run_dir/bin/boxoffice-admin" audit --serve
    )
}

is_ready() { curl -fsS --noproxy '*' --max-time 2 "http://$1/readyz"; }

# All at once, as some look for others before they are ready; gateways when there is something behind them.
start_services() {
    local service n
    for service in "${services[@]}"; do
        for ((n = 1; n <= REPLICAS; n++)); do start_service "$service" "$n"; done
    done
    for service in "${services[@]}"; do await_service "$service"; done
    for ((n = 1; n <= REPLICAS; n++)); do start_gateway "$n"; done
    await_service gateway
}
await_service() {
    local n
    for ((n = 1; n <= REPLICAS; n++)); do
        wait_for "$(upper "$1")_$n" 30 is_ready "$(admin_address "$1" "$n")"
    done
}

# Other instances than those recorded mean other targets for everybody.
stop_services_of_other_size() {
    local before
    before=$(cat "$STATE_DIR/replicas" 2>/dev/null || echo "$REPLICAS")
    if [ "$before" != "$REPLICAS" ]; then
        say "REPLICAS was $before: stopping the services"
        stop_services
    fi
    echo "$REPLICAS" >"$STATE_DIR/replicas"
}

write_env() {
    local service prefix n
    {
        for service in "${services[@]}"; do
            prefix=$(upper "$service")
            echo "${prefix}_TARGET='$(target "$service")'"
            echo "${prefix}_AUDIT_DB_URL='$(service_url "$service" audit)'"
            for ((n = 1; n <= REPLICAS; n++)); do
                echo "${prefix}_${n}_GRPC='$(grpc_address "$service" "$n")'"
                echo "${prefix}_${n}_ADMIN='$(admin_address "$service" "$n")'"
                echo "${prefix}_${n}_PID='$(pid_of "${prefix}_$n")'"
            done
        done
        for ((n = 1; n <= REPLICAS; n++)); do
            echo "GATEWAY_${n}_URL='http://$(gateway_address "$n")'"
            echo "GATEWAY_${n}_ADMIN='$(admin_address gateway "$n")'"
            echo "GATEWAY_${n}_PID='$(pid_of "GATEWAY_$n")'"
        done
        echo "AUDIT_1_ADMIN='127.0.0.1:$(port_of AUDIT_1_ADMIN "$(first 1 9106)")'"
        echo "AUDIT_1_PID='$(pid_of AUDIT_1)'"
        echo "POSTGRES_URL='$POSTGRES_URL'"
        echo "POSTGRES_PID='$(pid_of POSTGRES)'"
        echo "REDIS_URL='$REDIS_URL'"
        echo "REDIS_PID='$(pid_of REDIS)'"
        [ -z "${GATEWAY_ADMIN_SECRET_FILE:-}" ] || echo "GATEWAY_ADMIN_SECRET_FILE='$GATEWAY_ADMIN_SECRET_FILE'"
        echo "TOKEN_SECRET_FILE='$TOKEN_SECRET_FILE'"
        if [ "${TLS:-no}" = yes ]; then
            # For boxoffice-admin.
            echo "RPC_TLS_CA_FILE='$run_dir/tls/ca.crt'"
            echo "RPC_TLS_CERTIFICATE_FILE='$run_dir/tls/admin.crt'"
            echo "RPC_TLS_KEY_FILE='$run_dir/tls/admin.key'"
        fi
        echo "BOXOFFICE_BIN_DIR='$run_dir/bin'"
    } | (umask 077 && cat >"$STATE_DIR/env.new")
    mv "$STATE_DIR/env.new" "$STATE_DIR/env"
}
