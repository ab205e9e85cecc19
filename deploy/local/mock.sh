#!/usr/bin/env bash
# Serves the examples of web/openapi.json, without any service behind: for writing a client. PORT (4010) is where.
# `Prefer: code=403, example=NOT_YOUR_TURN` asks for a certain answer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
web/packages.sh web >&2
exec web/node_modules/.bin/prism mock web/openapi.json --host "${HOST:-127.0.0.1}" --port "${PORT:-4010}"
