#!/usr/bin/env bash
# Validates docs/asyncapi.json, and the document of the public events, with AsyncAPI's own parser, which npm installs at a pinned version.
set -euo pipefail
cd "$(dirname "$0")/.."
npm --prefix tests/asyncapi ci --ignore-scripts --no-audit --no-fund --silent
for document in docs/asyncapi*.json; do
    node tests/asyncapi/validate.mjs "$document"
done
