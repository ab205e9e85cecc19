#!/usr/bin/env bash
# Who may include what: third-party headers stay inside the one library that wraps them, the runtime knows no service, no
# service knows another, and pure rules see lib/base only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bad=0
# only <pattern of an #include> <folders that may have it, as one pattern>
only() {
    local hits
    hits=$(git grep -nE "#include [<\"]$1" -- '*.c' '*.h' | grep -vE "^($2)/" || true)
    [ -z "$hits" ] || { printf 'only %s may include %s:\n%s\n' "$2" "$1" "$hits" && bad=1; }
}
only 'grpc/(grpc|byte_buffer|support|slice|status|impl)' 'lib/rpc|bench|tests/integration/rpc'
only 'libpq-fe' 'lib/db|tests/unit/db'
only 'hiredis' 'lib/kv|tests'
only 'microhttpd' 'lib/http'
only 'jwt\.h' 'lib/token'
only 'openssl/' 'lib/kv|lib/token|services/admin|tests'
only 'curl/' 'lib/trace'
only 'jansson' 'lib/http|lib/log|lib/trace|lib/config|lib/token|services/gateway|services/admin|tests|bench'

# none <what it is> <pattern> <paths...>
none() {
    local what=$1 pattern=$2 hits
    shift 2
    hits=$(git grep -nE "$pattern" -- "$@" || true)
    [ -z "$hits" ] || { printf '%s:\n%s\n' "$what" "$hits" && bad=1; }
}
none 'the runtime knows no service' '#include "boxoffice/' 'lib/*.c' 'lib/*.h'
none 'lib/base stands alone' '#include "(config|log|metrics|trace|token|rpc|db|kv|http|app)/' 'lib/base/*'
for service in queue concert reservation wallet payment gateway admin; do
    for other in queue concert reservation wallet payment gateway admin; do
        [ "$service" = "$other" ] ||
            none "$service includes $other" "#include \"(services/)?$other/" "services/$service/*.[ch]"
    done
done
rules=(services/queue/line.c services/concert/catalog.c services/reservation/claim.c services/wallet/wallet.c
    services/payment/payment.c services/payment/saga.c services/gateway/limiter.c services/gateway/seat_map.c)
none 'a pure rule sees more than lib/base' '#include "(config|log|metrics|token|rpc|db|kv|http|app|boxoffice)/' "${rules[@]}"
exit "$bad"
