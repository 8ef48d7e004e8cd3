#!/usr/bin/env bash
# Runs every check that must pass before a change lands. `--quick` omits the checks that need tools
# to be installed first (licences, template linters, the emulator).
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

# Installs Python's tools from the network while cargo compiles.
install_tools() {
    tests/emulator/install.sh
    tests/emulator/install.sh scripts/checkov/requirements.txt .venv-checkov
}

simulation() {
    step "simulation"; cargo test --package chorus-simulation \
        --package chorus-shop-simulation --profile simulation --quiet
}

on_emulators() {
    step "emulator: its launcher"; scripts/emulator.sh launcher
    step "emulator: an import into a new stack"; scripts/emulator.sh import
    step "emulator: the store";    scripts/emulator.sh store
    step "emulator: every sample"; scripts/emulator.sh samples
    step "emulator: two accounts"; scripts/emulator.sh accounts
    step "emulator: the flow";     scripts/emulator.sh test
}

# Starts a function in a process group of its own, so that its child processes can be ended with it.
in_background() { set -m; "$1" & set +m; }

# Starts one of these functions in the background. The simulation computes, and the Rust tests beside
# it mostly wait; the emulators wait, and the checks beside them compute.
declare -A job output
beside() { output[$1]=$(mktemp); in_background "$1" >"${output[$1]}" 2>&1; job[$1]=$!; }

# Waits for the function, prints its output, and fails if it failed.
join() {
    local status=0
    wait "${job[$1]}" || status=$?
    cat "${output[$1]}"
    rm "${output[$1]}"
    return "$status"
}

trap 'for group in $(jobs -p); do kill -- "-$group" 2>/dev/null || true; done' EXIT
if [[ ${1:-} != --quick ]]; then in_background install_tools; installing=$!; fi

step "format";  cargo fmt --all --check
step "clippy";  cargo clippy --workspace --all-targets --features chorus-aws/global-endpoint --quiet -- -D warnings
step "rustdoc"; RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
rust_tests=(--workspace --exclude chorus-simulation --exclude chorus-shop-simulation
    --features chorus-aws/global-endpoint --quiet)
step "tests";   cargo test "${rust_tests[@]}" --no-run
beside simulation
cargo test "${rust_tests[@]}"
step "mutants, not run"; scripts/mutants.sh --check
join simulation
[[ ${1:-} == --quick ]] && exit 0
# The steps below run the binary `chorus` that the tests have built; `cargo run` would build it again with other
# features.
wait "$installing"
beside on_emulators
step "template";  "${CARGO_TARGET_DIR:-target}/debug/chorus" synth --check; scripts/lint-template.sh
step "template: on moto"; scripts/emulator.sh moto
step "AsyncAPI"; scripts/asyncapi.sh
step "OpenAPI"; scripts/openapi.sh test; scripts/openapi.sh fuzz
step "licences and sources"; scripts/deny.sh
step "the console, in a browser"; scripts/console.sh test
step "the page: which rule matches?"; scripts/which-rule.sh test
step "emails, to an SMTP server"; scripts/emulator.sh mail
step "payments, by a server that speaks Stripe's API"; scripts/emulator.sh stripe
step "the same bytes with JSONata"; scripts/key-order.sh
join on_emulators
