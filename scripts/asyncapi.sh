#!/usr/bin/env bash
# Validates docs/asyncapi.json with AsyncAPI's own parser, which npm installs at a pinned version.
set -euo pipefail
cd "$(dirname "$0")/.."
npm --prefix tests/asyncapi ci --ignore-scripts --no-audit --no-fund --silent
node tests/asyncapi/validate.mjs docs/asyncapi.json
