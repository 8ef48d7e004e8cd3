#!/usr/bin/env bash
# Measures Lambda binaries: size, memory, and the time from spawn to the first /next, beside a bare
# `lambda_runtime` hello built with the same profile.
#
#   scripts/measure-lambda.sh [--build] [--spawns 50] [SERVICE...]     (default: order)
#
# Without --build, measures what target/release holds. A cold release build takes about ten minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

build=false spawns=50 services=()
while [ $# -gt 0 ]; do
    case "$1" in
        --build) build=true ;;
        --spawns) spawns="$2"; shift ;;
        -*) echo "unknown option $1" >&2; exit 2 ;;
        *) services+=("$1") ;;
    esac
    shift
done
[ ${#services[@]} -gt 0 ] || services=(order)

release="${CARGO_TARGET_DIR:-target}/release"
if $build; then
    for service in "${services[@]}"; do
        cargo build --release -p "chorus-$service" --bin "$service"
    done
    cargo build --release -p chorus-aws --features hello --bin hello
fi
binaries=("$release/hello")
for service in "${services[@]}"; do binaries+=("$release/$service"); done
exec python3 scripts/measure_lambda.py "$spawns" "${binaries[@]}"
