#!/usr/bin/env bash
# Counts the user-space instructions of an order through the whole shop in memory, and measures the
# CPU time of an order. Both are done for this tree and for earlier commits in turn.
#
#   scripts/instructions.sh [--orders N] [COMMIT…]     200 orders, beside c92b2c2, by default
#
# Valgrind counts, so other load on the machine does not affect the result; it has no SHA extensions,
# so all trees hash in software. A run of ten orders is subtracted, so that the start and the end of
# the process do not count. A commit is built in a work tree of its own, with this tree's
# crates/shop/benches/orders/main.rs. All trees are built for speed, by one compiler. Allow ten
# minutes for each tree that was not built before.
set -euo pipefail
cd "$(dirname "$0")/.."

orders=200
[[ ${1:-} == --orders ]] && { orders=$2; shift 2; }
commits=("${@:-c92b2c2}")
command -v valgrind >/dev/null || { echo "instructions.sh: valgrind is needed" >&2; exit 2; }

place=$PWD/target/instructions
bench=crates/shop/benches/orders/main.rs
RUSTUP_TOOLCHAIN=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
export RUSTUP_TOOLCHAIN CARGO_TARGET_DIR=$place/target CARGO_INCREMENTAL=0
mkdir -p "$place"
trap 'git worktree prune' EXIT

# Builds the bench of the tree in $1, as $place/orders-$2.
build() {
    local binary
    binary=$(cd "$1" && cargo bench --no-run --package chorus-shop --bench orders 2>&1 |
        tee /dev/stderr | sed -n 's/.*Executable .*(\(.*\))$/\1/p')
    cp "$binary" "$place/orders-$2"
}

counted() {
    valgrind --tool=callgrind --callgrind-out-file="$place/$1.$2" "$place/orders-$1" count "$2" 2>&1 |
        sed -n 's/^==.*I *refs: *//p' | tr -d ,
}

milliseconds() { "$place/orders-$1" count "$orders" | cut -d' ' -f2; }

build . here
for commit in "${commits[@]}"; do
    tree=$place/tree
    rm -rf "$tree"
    git worktree prune
    git worktree add --quiet --detach "$tree" "$commit"
    # The names that the other commit has for this tree's test harness, its folder, and its recorder of requests.
    folder=harness
    [[ -e $tree/crates/shop/tests/harness ]] || folder=world
    harness=$(sed -n 's/^pub struct \(World\|Harness\).*/\1/p' "$tree/crates/shop/tests/$folder/mod.rs")
    recorder=$(sed -n 's/^pub(crate) struct \(Tape\|RequestRecorder\).*/\1/p' "$tree/${bench%/*}/tape.rs")
    sed "s/\bHarness\b/$harness/g; s/\bharness\b/$folder/g; s/\bRequestRecorder\b/$recorder/g" "$bench" >"$tree/$bench"
    build "$tree" "$commit"
    git worktree remove --force "$tree"
done

declare -A instructions times
for round in 1 2 3; do
    for tree in here "${commits[@]}"; do
        times[$tree]+="$(milliseconds "$tree") "
        # The count is the same in each round, except for the order of threads and of hash maps' entries.
        [[ $round == 1 ]] && instructions[$tree]=$((($(counted "$tree" $((orders + 10))) - $(counted "$tree" 10)) / orders))
    done
done
median() { tr ' ' '\n' <<<"$1" | sed '/^$/d' | sort -n | sed -n 2p; }
printf '%-12s %22s %10s %14s %10s\n' tree 'instructions an order' 'of which' 'CPU ms' 'of which'
for tree in here "${commits[@]}"; do
    awk -v tree="$tree" -v here="${instructions[here]}" -v it="${instructions[$tree]}" \
        -v mine="$(median "${times[here]}")" -v time="$(median "${times[$tree]}")" \
        'BEGIN { printf "%-12s %22d %10.3f %14.2f %10.3f\n", tree, it, here / it, time, mine / time }'
done
echo "of which: the figure of this tree divided by the figure in the column before"
