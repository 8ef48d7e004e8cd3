#!/usr/bin/env bash
# The shop on an emulator of AWS, with the Lambda binaries that cargo builds: `up`, `down`, `test`.
# EMULATOR_PORT chooses the port (4566), AWS_ENDPOINT_URL another emulator, such as LocalStack.
set -euo pipefail
cd "$(dirname "$0")/.."
shop() { .venv/bin/python tests/emulator/shop_stack.py "$@"; }

prepare() {
    tests/emulator/install.sh
    local binaries
    mapfile -t binaries < <(sed -n 's/.*BuildProperties: {Binary: \(.*\)}/--bin=\1/p' template.yaml)
    cargo build --quiet --workspace --bin=chorus "${binaries[@]}"
}

clean_up() {
    local status=$?
    trap - EXIT
    kill "${tests:-}" 2>/dev/null && wait "$tests" || true
    shop down ${EMULATOR_KEEP_LOG:+--keep-log} || status=1
    exit "$status"
}

# An emulator of its own, ended whatever happens.
run_tests() {
    if [[ -z ${AWS_ENDPOINT_URL:-} ]]; then
        EMULATOR_PORT=$(.venv/bin/python -c \
            'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
        export EMULATOR_PORT
    fi
    trap clean_up EXIT
    trap 'exit 130' INT TERM
    # In the background, since a trap waits for what runs in the foreground.
    timeout --kill-after=10 350 .venv/bin/python tests/emulator/test_flow.py "$@" &
    tests=$!
    wait "$tests"
}

case ${1:-} in
    up) prepare; shop up ;;
    down) shop down ;;
    test) prepare; run_tests "${@:2}" ;;
    *) echo "usage: scripts/emulator.sh up|down|test [TEST…]" >&2; exit 2 ;;
esac
