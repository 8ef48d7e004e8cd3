#!/usr/bin/env bash
# The feature `jsonata` enables serde_json's `preserve_order` for a whole build. The files that Chorus writes must
# not depend on it. So a build with the feature checks that it would write the committed template.yaml, schemas and
# samples, and runs the unit tests of events and records.
set -euo pipefail
cd "$(dirname "$0")/.."
with=(--features states/jsonata --package states --package chorus-events --package chorus-kernel
  --package chorus-infra)
cargo tree --quiet "${with[@]}" --edges features --invert serde_json | grep preserve_order > /dev/null \
  || { echo "serde_json keeps no order in this build: nothing is compared" >&2; exit 1; }
cargo test --quiet "${with[@]}" --lib
# For this test, cargo also builds the binary `design`, which the last line runs.
cargo test --quiet "${with[@]}" --test template the_templates_on_disk_are_the_ones_that_the_stack_prints
"${CARGO_TARGET_DIR:-target}/debug/design" --check
