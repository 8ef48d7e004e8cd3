#!/usr/bin/env bash
# Checks bans, licences and sources with cargo-deny, which needs no network for them. `deny.sh advisories`
# checks for known vulnerabilities, with RustSec's database, which git fetches.
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.20.2
tools=target/tools
if [[ "$("$tools/bin/cargo-deny" --version 2>/dev/null)" != "cargo-deny $version" ]]; then
  cargo install cargo-deny --version "$version" --locked --no-default-features --quiet \
    --root "$tools" --target-dir target/tools-build --profile dev
  rm -rf target/tools-build
fi
[[ $# -gt 0 ]] || set -- bans licenses sources
exec "$tools/bin/cargo-deny" check --hide-inclusion-graph "$@"
