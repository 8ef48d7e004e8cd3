#!/usr/bin/env bash
# Runs every check that must pass before a change lands. `--quick` omits those that need tools to be
# installed first (licences, template linters, the emulator).
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

# Installs Python's tools from the network while cargo compiles.
install_tools() {
    tests/emulator/install.sh
    tests/emulator/install.sh scripts/checkov/requirements.txt .venv-checkov
}

# Tests that mostly wait for other processes, so that they can run during a compilation.
talk_to_partners() {
    step "emails, to an SMTP server"; scripts/emulator.sh mail
    step "payments, by a server that speaks Stripe's API"; scripts/emulator.sh stripe
    step "emulator: its launcher"; scripts/emulator.sh launcher
    step "emulator: an import into a new stack"; scripts/emulator.sh import
}

trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
[[ ${1:-} == --quick ]] || install_tools &
installing=$!

step "format";  cargo fmt --all --check
step "clippy";  cargo clippy --workspace --all-targets --features chorus-aws/global-endpoint --quiet -- -D warnings
step "rustdoc"; RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
step "tests";   cargo test --workspace --exclude chorus-simulation \
    --exclude chorus-shop-simulation --features chorus-aws/global-endpoint --quiet
step "mutants, not run"; scripts/mutants.sh --check
step "simulation"; cargo test --package chorus-simulation \
    --package chorus-shop-simulation --profile simulation --quiet
[[ ${1:-} == --quick ]] && exit 0
# The tests have built the binary; `cargo run` would build it again with other features.
wait "$installing"
step "template";  "${CARGO_TARGET_DIR:-target}/debug/chorus" synth --check; scripts/lint-template.sh
step "template: on moto"; scripts/emulator.sh moto
step "AsyncAPI"; scripts/asyncapi.sh
step "OpenAPI"; scripts/openapi.sh test; scripts/openapi.sh fuzz
step "the console, in a browser"; scripts/console.sh test
output=$(mktemp)
(talk_to_partners) >"$output" 2>&1 &
step "licences and sources"; scripts/deny.sh
wait $! && status=0 || status=$?
cat "$output"; rm "$output"; ((status == 0))
step "emulator: the store";    scripts/emulator.sh store
step "emulator: every sample"; scripts/emulator.sh samples
step "emulator: two accounts"; scripts/emulator.sh accounts
step "emulator: the flow";     scripts/emulator.sh test
step "the same bytes with JSONata"; scripts/key-order.sh
step "the page: which rule matches?"; scripts/which-rule.sh test
