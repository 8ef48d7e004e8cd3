#!/usr/bin/env bash
# The API's OpenAPI document, as a running shop answers it.
#   scripts/openapi.sh test       linters find nothing; a client that is generated from it places an order
#   scripts/openapi.sh fuzz [N]   Schemathesis makes up N requests of each route (20, unless said), and more
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in
  test)
    npm --prefix tests/openapi ci --ignore-scripts --no-audit --no-fund --silent
    python3 scripts/openapi.py test ;;
  fuzz)
    tests/emulator/install.sh
    python3 scripts/openapi.py fuzz "${@:2}" ;;
  *) sed -n '2,4s/^# //p' "$0"; exit 2 ;;
esac
