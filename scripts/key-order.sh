#!/usr/bin/env bash
# The feature `jsonata` enables serde_json's `preserve_order` for a whole build. The files that Chorus
# writes must not depend on it: a build with the feature checks that it would write the committed
# template.yaml, schemas and samples, and runs the tests of events and records.
set -euo pipefail
cd "$(dirname "$0")/.."
with=(--features chorus/jsonata --package chorus --package chorus-infra)
cargo build --quiet "${with[@]}"
cargo tree --quiet "${with[@]}" --edges features --invert serde_json | grep preserve_order > /dev/null \
  || { echo "serde_json keeps no order in this build: nothing is compared" >&2; exit 1; }
built=${CARGO_TARGET_DIR:-target}/debug
"$built/chorus" synth --check
"$built/design" --check
cargo test --quiet --features states/jsonata --package states --package chorus-events \
  --package chorus-kernel --lib
