#!/usr/bin/env bash
# Builds and tests the page docs/which-rule.html.
#   scripts/which-rule.sh write   build the page
#   scripts/which-rule.sh test    test the page in a browser, with the cases of event-pattern
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in
  write)
    target=wasm32-unknown-unknown
    [[ -d $(rustc --print sysroot)/lib/rustlib/$target ]] \
      || { echo "the compiler lacks a target: rustup target add $target" >&2; exit 1; }
    # Panic messages contain file names, which must not be paths on this machine.
    export RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo --remap-path-prefix=$PWD=chorus"
    cargo build --package which-rule --target "$target" --profile page --locked
    python3 scripts/which_rule.py write "${CARGO_TARGET_DIR:-target}/$target/page/which_rule.wasm" ;;
  test) python3 scripts/which_rule.py test ;;
  *) sed -n '2,4s/^# //p' "$0"; exit 2 ;;
esac
