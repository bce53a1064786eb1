#!/bin/sh
# Makes one run of a store again, a random one if none is named, and fails unless its predictions are those on record:
#
#   experiments/again.sh experiments/results/rot-mnist-p4 data/mnist [z2/seed-0]
#
# The records here were made in vectors of 8 numbers; EQUISPLIT_SIMD=avx2 does so on processors with longer ones, too. They were
# made before convolutions took other schemes, which round otherwise: the last program before that repeats all of them to the
# bit. REVISION names another, for records of another one (`equisplit show`); the repository's history must be there.
set -eu
revision=${REVISION-84fef4d7c5064ccecdd7d8fab8dee52799a7a8b1}
store=${1%/} data=$2
run=${3:-$(cd "$store" && ls -d ./*/seed-* | sort -R | head -n 1)}
out=$(mktemp -d)
here=$(cd "$(dirname "$0")/.." && pwd)
trap 'git -C "$here" worktree remove --force "$out/tree"; rm -rf "$out"' EXIT
git -C "$here" worktree add --quiet --detach "$out/tree" "$revision"
copy=$out/$(basename "$store")
cp -R "$store" "$copy"
rm -r "${copy:?}/$run"
export EQUISPLIT_SIMD="${EQUISPLIT_SIMD-avx2}"
cargo run --release --manifest-path "$out/tree/Cargo.toml" --target-dir "$here/target/again" -- run "$store/study.toml" --data "$data" --out "$out" --jobs 1 > /dev/null
outcome() { sed 's/.*"status"/"status"/' "$1/$run/result.json"; }
if [ "$(outcome "$store")" != "$(outcome "$copy")" ]; then
    echo "$run: other predictions than on record" >&2
    exit 1
fi
echo "$run: the predictions on record, $(outcome "$store" | grep -o '"test_error":[0-9.e-]*')"
