#!/usr/bin/env bash
# The shop on an emulator of AWS, with the Lambda binaries that cargo builds:
#
#   up, down           an emulator that stays, with something to sell on it
#   test [TEST…]       the flow on an emulator of its own, driven through the API
#   samples [--write]  every sample of events/samples, by `cargo lambda invoke`
#   stripe             the payments of `chorus up`, by a server that speaks Stripe's API
#   mail               the emails of `chorus up`, to a real SMTP server
#   launcher           what our launcher adds to the emulator
#   moto               the template on moto, a second opinion on it
#   store              the kernel's store on DynamoDB: the same suite as the embedded one's
#   northwind          NORTHWIND's 830 orders, beside the embedded shop's
#   cost               what an order costs, by the functions' own logs
#
# EMULATOR_PORT chooses the port (4566), AWS_ENDPOINT_URL another emulator, such as LocalStack.
set -euo pipefail
cd "$(dirname "$0")/.."
shop() { .venv/bin/python tests/emulator/shop_stack.py "$@"; }

prepare() {
    tests/emulator/install.sh
    local binaries
    # Of a function with a binary of its own for prod, the other one.
    mapfile -t binaries < <(sed -n 's/.*BuildProperties: {Binary: \(.*\)}/\1/p' template.yaml |
        sed 's/!If \[IsProd, .*, \(.*\)\]/\1/; s/^/--bin=/')
    # Naming a test has cargo take every dependency as `cargo test` in scripts/test.sh takes it:
    # what that has built is not built again.
    cargo build --quiet --workspace --exclude=chorus-simulation --exclude=chorus-shop-simulation --test=runtime \
        --bin=chorus "${binaries[@]}"
}

clean_up() {
    local status=$?
    trap - EXIT
    kill "${tests:-}" 2>/dev/null && wait "$tests" || true
    shop down ${EMULATOR_KEEP_LOG:+--keep-log} || status=1
    exit "$status"
}

free_port() {
    .venv/bin/python -c \
        'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# A script on an emulator of its own, which is ended whatever happens: seconds, script, arguments.
on_its_own() {
    if [[ -z ${AWS_ENDPOINT_URL:-} ]]; then
        EMULATOR_PORT=$(free_port)
        export EMULATOR_PORT
    fi
    trap clean_up EXIT
    trap 'exit 130' INT TERM
    # In the background, since a trap waits for what runs in the foreground.
    timeout --kill-after=10 "$1" .venv/bin/python "tests/emulator/$2" "${@:3}" &
    tests=$!
    wait "$tests"
}

case ${1:-} in
    up) prepare; shop up ;;
    down) shop down ;;
    test) prepare; on_its_own 350 test_flow.py "${@:2}" ;;
    samples) prepare; .venv/bin/python tests/emulator/test_samples.py "${@:2}" ;;
    mail)
        tests/emulator/install.sh
        cargo build --quiet --package chorus
        .venv/bin/python tests/emulator/test_mail.py "${@:2}"
        ;;
    stripe)
        tests/emulator/install.sh
        cargo build --quiet --package chorus
        timeout --kill-after=10 300 .venv/bin/python tests/emulator/test_stripe.py "${@:2}"
        ;;
    launcher)
        tests/emulator/install.sh
        .venv/bin/python tests/emulator/test_prebuilt.py
        .venv/bin/python tests/emulator/test_launcher.py "${@:2}"
        ;;
    moto)
        tests/emulator/install.sh
        timeout --kill-after=10 300 .venv/bin/python tests/emulator/test_moto.py "${@:2}"
        ;;
    store)
        tests/emulator/install.sh
        EMULATOR_PORT=$(free_port)
        export EMULATOR_PORT AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1
        trap 'tests/emulator/emulator.py stop' EXIT
        AWS_ENDPOINT_URL=$(tests/emulator/emulator.py start) cargo test --quiet --workspace \
            --exclude=chorus-simulation --exclude=chorus-shop-simulation \
            --test=port_suite -- --nocapture
        ;;
    northwind)
        folder=${NORTHWIND:-../shared/data/northwind}
        if [[ ! -f $folder/orders.csv ]]; then
            echo "Northwind is not in $folder: NORTHWIND=folder names the one with its CSV files" >&2
            exit 2
        fi
        prepare
        on_its_own 7200 northwind.py "$folder"
        ;;
    cost) prepare; on_its_own 350 cost_of_an_order.py ;;
    *) awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$0" >&2; exit 2 ;;
esac
