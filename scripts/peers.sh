#!/usr/bin/env bash
# Compares orders of twelve durable steps on other durable engines with the shop's orders on a data directory, in
# turn: orders per second, and the CPU time of an order. Installs the engines at pinned versions.
#
#   scripts/peers.sh [ORDERS]      (100; DBOS runs a fifth of them)
set -euo pipefail
cd "$(dirname "$0")/.."
orders=${1:-100}
export RESTATE_LOGGING=ERROR

npm --prefix tests/peers ci --ignore-scripts --no-audit --no-fund --silent
tests/emulator/install.sh tests/peers/requirements.txt target/peers
bench=$(cargo bench --no-run --package chorus-shop --bench orders 2>&1 |
    tee /dev/stderr | sed -n 's/.*Executable .*(\(.*\))$/\1/p')

run() {
    case $1 in
        chorus) "$bench" count "$orders" durable ;;
        restate-handler) node tests/peers/restate.mjs handler "$orders" ;;
        restate-sends) node tests/peers/restate.mjs sends "$orders" ;;
        dbos) target/peers/bin/python tests/peers/dbos_orders.py $((orders / 5)) ;;
    esac 2>/dev/null | tail -n 1
}

engines=(chorus restate-handler restate-sends dbos)
declare -A rates times
for _ in 1 2 3; do
    for engine in "${engines[@]}"; do
        read -r rate cpu < <(run "$engine")
        rates[$engine]+="$rate " times[$engine]+="$cpu "
    done
done
median() { tr ' ' '\n' <<<"$1" | sed '/^$/d' | sort -n | sed -n 2p; }
printf '%-18s %16s %18s\n' engine 'orders a second' 'CPU ms an order'
for engine in "${engines[@]}"; do
    printf '%-18s %16s %18s\n' "$engine" "$(median "${rates[$engine]}")" "$(median "${times[$engine]}")"
done
