#!/usr/bin/env bash
# The suite on a real cluster: applies an overlay, waits, plays the story, scales each service alone, rolls every deployment under load
# (no request may fail), kills pods under load, and asks for every invariant afterwards.
#
#   OVERLAY    dev (a namespace of that overlay's; it is deleted first and left running)
#   KUBECTL    kubectl; KUBECONFIG says which cluster
#   INSIDE     a command prefix that runs the users where the cluster's addresses are reachable, such as
#              "nsenter --net=/run/netns/NAME"; none: they are reachable from here
#   GATEWAY    http://<cluster address of the Service gateway>
#   USERS      16 at a time
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/local/say.sh

namespace=boxoffice
OVERLAY=${OVERLAY:-dev}
USERS=${USERS:-16}
read -r -a kubectl <<<"${KUBECTL:-kubectl}"
read -r -a inside <<<"${INSIDE:-}"
services=(queue concert reservation wallet payment gateway)
kube() { "${kubectl[@]}" --namespace "$namespace" "$@"; }
user() { "${inside[@]}" node "$@"; }

work=$(mktemp -d)
trap 'stop_load >/dev/null || true; rm -rf "$work"' EXIT

# --- load, in the background ---
start_load() {
    mkfifo "$work/keep"
    user tests/k8s/cluster/load.js "$GATEWAY" "$USERS" <"$work/keep" >"$work/load" 2>&1 &
    load=$!
    exec 9>"$work/keep"
    sleep 5
}
# Prints what the users met; fails when a request of theirs did.
stop_load() {
    local status=0
    [ -n "${load:-}" ] || return 0
    exec 9>&-
    wait "$load" || status=$?
    load=
    rm -f "$work/keep"
    cat "$work/load"
    return "$status"
}

# --- waiting ---
await_job() { kube wait --for=condition=complete "job/$1" --timeout=300s; }
await_deployments() {
    local service
    for service in "${services[@]}"; do kube rollout status "deployment/$service" --timeout=300s; done
}
# The newest pod of a service has handled something.
await_traffic() { # <service>
    local pod port end=$((SECONDS + 90))
    pod=$(kube get pods -l "app.kubernetes.io/name=$1" --sort-by=.metadata.creationTimestamp -o name | tail -n 1)
    port=$(kube get "$pod" -o jsonpath='{.spec.containers[0].ports[?(@.name=="admin")].containerPort}')
    until "${inside[@]}" curl -fsS "http://$(kube get "$pod" -o jsonpath='{.status.podIP}'):$port/metrics" |
        grep -E '^(grpc_server_handled_total\{.*grpc_code="OK"|http_requests_total\{.*server="gateway")' | grep -vq ' 0$'; do
        [ "$SECONDS" -lt "$end" ] || fail "$pod got no traffic within 90 s"
        # Browsers keep their connections: a new gateway gets new users.
        [ "$1" != gateway ] || user tests/k8s/cluster/story.js "$GATEWAY" >/dev/null
        sleep 2
    done
    say "$pod has traffic"
}

say "a fresh $namespace by the overlay $OVERLAY"
"${kubectl[@]}" delete namespace "$namespace" --ignore-not-found --timeout=120s
deploy/k8s/secrets.sh "$namespace"
"${kubectl[@]}" apply -k "deploy/k8s/overlays/$OVERLAY"
# A few users make the load of many here.
kube set env deployment/gateway GATEWAY_RATE_PER_USER=100000 >/dev/null
await_job databases
await_job migrate
await_job seed
await_deployments
kube get pods,services,poddisruptionbudgets -o wide
GATEWAY=${GATEWAY:-http://$(kube get service gateway -o jsonpath='{.spec.clusterIP}')}

say "the story, through $GATEWAY"
user tests/k8s/cluster/story.js "$GATEWAY"

say "each service up and down alone, under load"
start_load
for service in "${services[@]}"; do
    kube scale "deployment/$service" --replicas=3
    kube rollout status "deployment/$service" --timeout=180s
    await_traffic "$service"
    kube scale "deployment/$service" --replicas=2
done
stop_load

say "every deployment rolled under load"
start_load
for service in "${services[@]}"; do
    kube rollout restart "deployment/$service"
    kube rollout status "deployment/$service" --timeout=300s
done
stop_load

say "pods killed under load: requests may fail, nothing may be lost"
start_load
for service in "${services[@]}"; do
    pod=$(kube get pods -l "app.kubernetes.io/name=$service" -o jsonpath='{.items[0].metadata.name}')
    kube delete pod "$pod" --grace-period=0 --force 2>/dev/null
    sleep 3
done
await_deployments
stop_load || true
user tests/k8s/cluster/story.js "$GATEWAY"

say "every invariant"
kube delete job audit --ignore-not-found
kube apply -f deploy/k8s/audit.yaml
kube wait --for=condition=complete job/audit --timeout=120s || { kube logs job/audit && fail "the audit"; }
kube logs job/audit
say "all of it held"
