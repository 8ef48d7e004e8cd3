#!/usr/bin/env bash
# Compares the public API of each crate with a CHANGELOG.md with that of the last tag, and prints which
# version a release must have. `semver.sh REVISION` compares with that revision. If there is no tag,
# the first revision with the crate is used. The first run builds cargo-semver-checks.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/target/tools
[[ -x $tools/bin/cargo-semver-checks ]] \
  || cargo install cargo-semver-checks --version 0.51.0 --locked --root "$tools"
tag=${1:-$(git describe --tags --abbrev=0 --match 'v*' 2> /dev/null || true)}
[[ -n $tag ]] || echo "there is no tag yet: each crate is compared with its first revision"
status=0
for changelog in crates/*/CHANGELOG.md; do
  crate=$(dirname "$changelog")
  base=$tag
  if [[ -z $base ]]; then
    base=$(git log --diff-filter=A --format=%h -- "$crate/Cargo.toml" | tail -1)
  fi
  if ! git cat-file -e "$base:$crate/Cargo.toml" 2> /dev/null; then
    echo "== $crate: not in $base, so there is nothing to compare"
    continue
  fi
  echo "== $crate, since $base"
  "$tools/bin/cargo-semver-checks" semver-checks --package "$(basename "$crate")" \
    --baseline-rev "$base" || status=1
done
exit "$status"
