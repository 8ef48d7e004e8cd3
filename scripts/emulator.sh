#!/usr/bin/env bash
# The shop on an emulator of AWS, with the Lambda binaries that cargo builds:
#
#   up, down           starts and stops an emulator with the shop and some items
#   test [TEST…]       tests the flow through the API, on a new emulator
#   accounts           tests the shop and the enterprise's bus in two accounts, on a new emulator
#   failover           tests a failover between two regions, on a new emulator; takes about seven minutes
#   burst              places CHORUS_BURST (1000) orders for one item at once; takes minutes
#   samples [--write]  invokes functions with each of events/samples, by `cargo lambda invoke`
#   stripe             tests payments of `chorus up` with a server that has Stripe's API
#   mail               tests emails of `chorus up` with a real SMTP server
#   launcher           tests the parts that our launcher adds to the emulator
#   moto               deploys the template to moto, another emulator
#   import             deletes a stack as in prod, and imports the resources that are left into a new one
#   store              runs the embedded store's test suite against DynamoDB
#   northwind          compares the 830 orders in NORTHWIND with the embedded shop
#   cost               measures what an order costs, from the functions' logs
#
# EMULATOR_PORT sets the port (default 4566); AWS_ENDPOINT_URL selects another emulator, such as LocalStack.
set -euo pipefail
cd "$(dirname "$0")/.."
shop() { .venv/bin/python tests/emulator/shop_stack.py "$@"; }

# Builds `chorus`, and further binaries. With a test among the targets, cargo selects the same features of
# dependencies as `cargo test` in scripts/test.sh, so that they are not built again.
build() {
    tests/emulator/install.sh
    cargo build --quiet --workspace --exclude=chorus-simulation --exclude=chorus-shop-simulation \
        --features=chorus-aws/global-endpoint --test=runtime --bin=chorus "$@"
}

prepare() {
    local binaries
    # Where a function has one binary for prod and another for other stages, the second is used.
    mapfile -t binaries < <(sed -n 's/.*BuildProperties: {Binary: \(.*\)}/\1/p' template.yaml |
        sed 's/!If \[IsProd, .*, \(.*\)\]/\1/; s/^/--bin=/')
    build "${binaries[@]}"
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

# Runs a script on a new emulator, which is stopped in any case. Arguments: timeout in seconds, script,
# its arguments.
on_its_own() {
    if [[ -z ${AWS_ENDPOINT_URL:-} ]]; then
        EMULATOR_PORT=$(free_port)
        export EMULATOR_PORT
    fi
    trap clean_up EXIT
    trap 'exit 130' INT TERM
    # The script runs in the background, because bash runs a trap only after a foreground process has ended.
    timeout --kill-after=10 "$1" .venv/bin/python "tests/emulator/$2" "${@:3}" &
    tests=$!
    wait "$tests"
}

case ${1:-} in
    up) prepare; shop up ;;
    down) shop down ;;
    test) prepare; on_its_own 900 test_flow.py "${@:2}" ;;
    accounts) prepare; on_its_own 240 test_accounts.py "${@:2}" ;;
    failover) prepare; on_its_own 900 test_failover.py "${@:2}" ;;
    burst)
        prepare
        export CHORUS_BURST=${CHORUS_BURST:-1000}
        on_its_own 5400 test_flow.py Contention
        ;;
    samples) prepare; .venv/bin/python tests/emulator/test_samples.py "${@:2}" ;;
    mail)
        build
        .venv/bin/python tests/emulator/test_mail.py "${@:2}"
        ;;
    import)
        build
        timeout --kill-after=10 120 .venv/bin/python tests/emulator/test_import.py "${@:2}"
        ;;
    stripe)
        build --test=providers
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
            --features=chorus-aws/global-endpoint --test=port_suite -- --nocapture
        ;;
    northwind)
        folder=${NORTHWIND:-../shared/data/northwind}
        if [[ ! -f $folder/orders.csv ]]; then
            echo "Northwind's CSV files are not in $folder: set NORTHWIND to their folder" >&2
            exit 2
        fi
        prepare
        on_its_own 7200 northwind.py "$folder"
        ;;
    cost) prepare; on_its_own 350 cost_of_an_order.py ;;
    *) awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$0" >&2; exit 2 ;;
esac
