#!/usr/bin/env bash
# The console, in a browser.
#   scripts/console.sh test       place an order, approve a review, redrive a dead letter; read every page
#   scripts/console.sh pictures   take the README's pictures anew
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in
  test)
    npm --prefix tests/console ci --ignore-scripts --no-audit --no-fund --silent
    python3 scripts/console.py test ;;
  pictures) python3 scripts/console.py pictures ;;
  *) sed -n '2,4s/^# //p' "$0"; exit 2 ;;
esac
