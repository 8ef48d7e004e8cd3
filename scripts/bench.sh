#!/usr/bin/env bash
# Measures the speeds in docs/PERFORMANCE.md, each as a ratio to an alternative in the same run.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

step "event patterns beside quamina"; cargo bench --quiet -p event-pattern --bench versus_quamina
step "state machines, and MiniStack"; tests/emulator/install.sh
                                      .venv/bin/python tests/emulator/transitions.py
step "the bus and the bare store";    cargo bench --quiet -p chorus-local --bench throughput
step "orders through the whole shop"; cargo bench --quiet -p chorus-shop --bench orders
step "durable engines, and the shop";  scripts/peers.sh
