#!/usr/bin/env bash
# The page docs/which-rule.html.
#   scripts/which-rule.sh write   build it anew
#   scripts/which-rule.sh test    try it in a browser, against the cases of event-pattern
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in
  write)
    target=wasm32-unknown-unknown
    [[ -d $(rustc --print sysroot)/lib/rustlib/$target ]] \
      || { echo "the compiler lacks a target: rustup target add $target" >&2; exit 1; }
    # The messages of panics name files: not this machine's.
    export RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo --remap-path-prefix=$PWD=chorus"
    cargo build --package which-rule --target "$target" --profile page --locked
    python3 scripts/which_rule.py write "${CARGO_TARGET_DIR:-target}/$target/page/which_rule.wasm" ;;
  test) python3 scripts/which_rule.py test ;;
  *) sed -n '2,4s/^# //p' "$0"; exit 2 ;;
esac
