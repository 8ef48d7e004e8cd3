#!/usr/bin/env bash
# Reads docs/asyncapi.json with AsyncAPI's own parser, which it installs at the pinned version.
set -euo pipefail
cd "$(dirname "$0")/.."
npm --prefix tests/asyncapi ci --ignore-scripts --no-audit --no-fund --silent
node tests/asyncapi/validate.mjs docs/asyncapi.json
