#!/usr/bin/env bash
# Runs every fuzz target for FUZZ_SECONDS each, five minutes if not told otherwise.
# Wants a nightly toolchain and `cargo install cargo-fuzz`.
set -euo pipefail
cd "$(dirname "$0")/.."
for manifest in crates/*/fuzz/Cargo.toml; do
  crate=$(dirname "$(dirname "$manifest")")
  for target in "$crate"/fuzz/fuzz_targets/*.rs; do
    name=$(basename "$target" .rs)
    echo "== $crate: $name"
    (cd "$crate" && cargo +nightly fuzz run "$name" -- \
      -max_total_time="${FUZZ_SECONDS:-300}" -timeout=20 -rss_limit_mb=4096)
  done
done
