#!/usr/bin/env bash
# Measures Lambda binaries: size, memory, and the time from spawn to the first /next, beside a bare
# `lambda_runtime` hello built with the same profile.
#
#   scripts/measure-lambda.sh [--build] [--spawns 50] [BINARY...]     (default: all of template.yaml)
#
# Without --build, measures what target/release holds. A cold release build takes a quarter of an hour.
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
    # Of a function with a binary of its own for prod, that one.
    mapfile -t names < <(sed -n 's/.*BuildProperties: {Binary: \(.*\)}/\1/p' template.yaml |
        sed 's/!If \[IsProd, \(.*\), .*\]/\1/')
fi
names=(hello "${names[@]}")

release="${CARGO_TARGET_DIR:-target}/release"
if $build; then
    # Their packages alone, as `sam build` builds them: the whole workspace would add its features.
    packages=(--package=chorus-aws --features=chorus-aws/hello)
    for name in "${names[@]}"; do
        [ -d "functions/$name" ] && packages+=("--package=chorus-$name")
    done
    cargo build --release "${packages[@]}" "${names[@]/#/--bin=}"
fi
exec python3 scripts/measure_lambda.py "$spawns" "${names[@]/#/$release/}"
