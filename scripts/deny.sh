#!/usr/bin/env bash
# cargo-deny on bans, licences and sources: the parts that need no database from the network. With
# `advisories`, on vulnerabilities that are known: those of RustSec's database, which git fetches.
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
