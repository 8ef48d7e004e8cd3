#!/usr/bin/env bash
# Measures the size and memory of Lambda binaries, and the time from spawn to the first /next, compared
# with a minimal `lambda_runtime` program built with the same profile.
#
#   scripts/measure-lambda.sh [--build] [--spawns 50] [BINARY...]     (default: all of template.yaml)
#
# Without --build, measures the binaries in target/release. A release build from scratch takes 15 minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

build=false spawns=50 names=()
while [ $# -gt 0 ]; do
    case "$1" in
        --build) build=true ;;
        --spawns) spawns="$2"; shift ;;
        -*) echo "unknown option $1" >&2; exit 2 ;;
        *) names+=("$1") ;;
    esac
    shift
done
if [ ${#names[@]} -eq 0 ]; then
    # Where a function has one binary for prod and another for other stages, the first is measured.
    mapfile -t names < <(sed -n 's/.*BuildProperties: {Binary: \(.*\)}/\1/p' template.yaml |
        sed 's/!If \[IsProd, \(.*\), .*\]/\1/')
fi
names=(hello "${names[@]}")

release="${CARGO_TARGET_DIR:-target}/release"
if $build; then
    # Builds only the functions' packages, as `sam build` does: the whole workspace would enable more
    # features.
    packages=(--package=chorus-aws --features=chorus-aws/hello)
    for name in "${names[@]}"; do
        [ -d "functions/$name" ] && packages+=("--package=chorus-$name")
    done
    cargo build --release "${packages[@]}" "${names[@]/#/--bin=}"
fi
exec python3 scripts/measure_lambda.py "$spawns" "${names[@]/#/$release/}"
