#!/usr/bin/env bash
# cargo-deny on bans, licences and sources: the parts that need no database from the network.
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.20.2
tools=target/tools
if [[ "$("$tools/bin/cargo-deny" --version 2>/dev/null)" != "cargo-deny $version" ]]; then
  cargo install cargo-deny --version "$version" --locked --no-default-features --quiet \
    --root "$tools" --target-dir target/tools-build --profile dev
  rm -rf target/tools-build
fi
exec "$tools/bin/cargo-deny" check --hide-inclusion-graph bans licenses sources
