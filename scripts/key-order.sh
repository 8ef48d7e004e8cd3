#!/usr/bin/env bash
# JSONata switches on `preserve_order` of serde_json for a whole build. What Chorus writes must not
# depend on it: a build with it has to find template.yaml, schemas and samples as they are, which
# the build without it wrote, and events and records have to pass their tests.
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
