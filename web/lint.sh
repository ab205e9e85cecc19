#!/usr/bin/env bash
# Lints the document, and checks the page's scripts against the types that are generated from it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
node_modules/.bin/redocly lint --config redocly.yaml openapi.json
node_modules/.bin/openapi-typescript openapi.json --output node_modules/.types/api.d.ts
node_modules/.bin/tsc --project tsconfig.json
