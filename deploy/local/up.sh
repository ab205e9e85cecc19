#!/usr/bin/env bash
# Starts what does not run yet: a private PostgreSQL and Redis, REPLICAS instances of every service, the demo catalog.
# BUILD_DIR names a folder of programs to use as they are, else they are built first.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if [ -z "${BUILD_DIR:-}" ]; then
    "$local_dir/install.sh"
    say "building (the first time takes a minute or two)"
    BUILD_DIR=$("$local_dir/build.sh" release)
fi
prepare_state
lock_state
source "$local_dir/ports.sh"
source "$local_dir/process.sh"
source "$local_dir/postgres.sh"
source "$local_dir/redis.sh"
source "$local_dir/services.sh"

install_binaries "$BUILD_DIR"
install_page
postgres_start
redis_start
stop_services_of_other_size
for service in "${services[@]}"; do
    postgres_add_service "$service"
    migrate_service "$service"
done
prepare_token_secret
prepare_ops_secret
prepare_tls
export_targets
start_services
start_audit
write_env

say "seeding the demo catalog"
(export_tls admin && exec "$run_dir/bin/boxoffice-admin" seed-demo) >"$STATE_DIR/logs/seed.log" 2>&1 ||
    { tail -n 5 "$STATE_DIR/logs/seed.log" >&2 && fail "the catalog; see $STATE_DIR/logs/seed.log"; }

say "Boxoffice runs at http://$(gateway_address 1)/ ; every address and process id: $STATE_DIR/env"
say "the operator's view: http://$(gateway_address 1)/ops with the secret in ${GATEWAY_ADMIN_SECRET_FILE:-GATEWAY_ADMIN_SECRET}"
say "the story, to paste into a shell:"
echo
"$local_dir/story.sh" "http://$(gateway_address 1)"
