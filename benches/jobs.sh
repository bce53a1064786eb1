#!/usr/bin/env bash
# How much faster two one-thread jobs finish a study than one: both in turns, and the ratio of each round.
#   benches/jobs.sh [ROUNDS]       builds nothing; cargo build --release first
set -euo pipefail
cd "$(dirname "$0")/.."
program=target/release/equisplit
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

seconds() {
  local start
  start=$(date +%s.%N)
  "$program" run experiments/quickstart.toml --out "$out/$1-$2" --jobs "$1" --threads 1 >/dev/null 2>&1
  echo "$(date +%s.%N) $start" | awk '{ printf "%.1f", $1 - $2 }'
}

for round in $(seq "${1:-3}"); do
  one=$(seconds 1 "$round")
  two=$(seconds 2 "$round")
  awk -v one="$one" -v two="$two" 'BEGIN { printf "one job %s s, two jobs %s s: %.2f times as fast\n", one, two, one / two }'
done
