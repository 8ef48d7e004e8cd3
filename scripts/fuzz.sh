#!/usr/bin/env bash
# Runs every fuzz target for FUZZ_SECONDS each, five minutes by default; `fuzz.sh NAME…` runs only the
# named ones. The first run builds cargo-fuzz. RUSTC_BOOTSTRAP enables sanitizers, which are unstable in
# the pinned compiler, for these builds only.
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTC_BOOTSTRAP=1
tools=$PWD/target/tools
[[ -x $tools/bin/cargo-fuzz ]] || cargo install cargo-fuzz --version 0.13.1 --locked --root "$tools"
for manifest in crates/*/fuzz/Cargo.toml; do
  crate=$(dirname "$(dirname "$manifest")")
  for target in "$crate"/fuzz/fuzz_targets/*.rs; do
    name=$(basename "$target" .rs)
    [[ $# -eq 0 || " $* " == *" $name "* ]] || continue
    echo "== $crate: $name"
    found=$PWD/target/fuzz-corpus/$name
    mkdir -p "$found"
    seeds=()
    for folder in corpus seeds; do
      [[ -d $crate/fuzz/$folder/$name ]] && seeds+=("fuzz/$folder/$name")
    done
    (cd "$crate" && "$tools/bin/cargo-fuzz" fuzz run "$name" "$found" "${seeds[@]}" -- \
      -max_total_time="${FUZZ_SECONDS:-300}" -timeout=20 -rss_limit_mb=4096)
  done
done
