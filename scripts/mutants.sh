#!/usr/bin/env bash
# The mutation check: removes one guard at a time, and prints after how many simulated runs a check
# fails. Each guard has a patch in crates/simulation/mutants, which adds a switch to a copy of the
# tree: one build of the copy contains all switches, and the product contains none. A patch whose
# first line is "Noticed by: ARGUMENTS" is tried by `cargo test ARGUMENTS` instead of seeds.
#
#   scripts/mutants.sh [--seeds N] [NAME…]     at most N seeds for each guard (default 10000)
#   scripts/mutants.sh --check                 only check that every patch applies
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
copy=$root/target/mutants
seeds=10000
check=false
[[ ${1:-} == --check ]] && { check=true; shift; }
[[ ${1:-} == --seeds ]] && { seeds=$2; shift 2; }

rm -rf "$copy/tree"
mkdir -p "$copy/tree"
git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from=- \
    --ignore-failed-read 2>/dev/null | tar --extract --directory="$copy/tree"
for patch in crates/simulation/mutants/*.patch; do
    patch --quiet --strip=1 --no-backup-if-mismatch --directory="$copy/tree" <"$patch" || {
        echo "$patch does not apply: the code around its guard has changed" >&2
        exit 1
    }
done

$check && exit 0

# An earlier run of the simulation has already built the dependencies.
(cd "$copy/tree" && cargo build --quiet --profile simulation --target-dir "$root/target" \
    --package chorus-shop-simulation --example hunt)
hunt=$copy/hunt
cp "$root/target/simulation/examples/hunt" "$hunt"
# Makes the next build of the original tree replace the example, because it was built from the copy.
touch "$root/crates/shop-simulation/examples/hunt.rs"

# Without a mutant, the same runs must find no violation; otherwise the check would prove nothing.
CHORUS_MUTANT='' "$hunt" "none" 200 --must-survive

names=("$@")
if [[ ${#names[@]} == 0 ]]; then
    for patch in crates/simulation/mutants/*.patch; do
        name=$(basename "$patch" .patch)
        [[ $name == 00-switch ]] || names+=("$name")
    done
fi
survivors=0
# Prints whether a test of the copy fails without the guard; fails if none does.
noticed_by() {
    local name=$1 test
    read -ra test <<<"$2"
    if (cd "$copy/tree" && CHORUS_MUTANT=$name cargo test --quiet --profile simulation \
        --target-dir "$root/target" "${test[@]}" >/dev/null 2>&1); then
        printf '%-40s survived cargo test %s\n' "$name" "$2"
        return 1
    fi
    printf '%-40s killed by cargo test %s\n' "$name" "$2"
}

for name in "${names[@]}"; do
    tests=$(sed -n '1s/^Noticed by: //p' "crates/simulation/mutants/$name.patch")
    if [[ $tests ]]; then
        noticed_by "$name" "$tests" || survivors=$((survivors + 1))
    else
        CHORUS_MUTANT=$name "$hunt" "$name" "$seeds" || survivors=$((survivors + 1))
    fi
done
echo "${#names[@]} guards were removed: the tests noticed $((${#names[@]} - survivors)) removals, and did not notice $survivors"
[[ $survivors == 0 ]]
