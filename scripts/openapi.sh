#!/usr/bin/env bash
# Tests the API's OpenAPI document, as a running shop serves it.
#   scripts/openapi.sh test       linters find nothing; a generated client places an order
#   scripts/openapi.sh fuzz [N]   Schemathesis generates N requests for each route (default 20), and more
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
