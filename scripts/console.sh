#!/usr/bin/env bash
# Tests the console in a browser.
#   scripts/console.sh test       place an order, approve a review, redrive a dead letter; read every page
#   scripts/console.sh pictures   renew the README's pictures
#   scripts/console.sh figures    measure a page of 2,000 orders, and a page that stays open: docs/PERFORMANCE.md
set -euo pipefail
cd "$(dirname "$0")/.."
events() {
  cargo build --quiet --workspace --exclude=chorus-simulation --exclude=chorus-shop-simulation \
    --features=chorus-aws/global-endpoint --example=made_up_events
}
case ${1:-} in
  test)
    events
    npm --prefix tests/console ci --ignore-scripts --no-audit --no-fund --silent
    python3 scripts/console.py test ;;
  pictures) python3 scripts/console.py pictures ;;
  figures) events; python3 scripts/console.py figures ;;
  *) sed -n '2,5s/^# //p' "$0"; exit 2 ;;
esac
