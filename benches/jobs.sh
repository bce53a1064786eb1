#!/usr/bin/env bash
# How much faster two one-thread jobs finish a study than one: both in turns, the ratio of each round, and their median. Fails
# if that is less than 1.7: if each job loses more than 15 %.
#   benches/jobs.sh [ROUNDS]       builds nothing; cargo build --release first
set -euo pipefail
cd "$(dirname "$0")/.."
program=target/release/equisplit
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

seconds() {
  local start
  start=$(date +%s.%N)
  # In a substitution, errors don't end the script by themselves.
  "$program" run experiments/quickstart.toml --out "$out/$1-$2" --jobs "$1" --threads 1 >/dev/null 2>"$out/messages" ||
    { tail -3 "$out/messages" >&2; exit 1; }
  echo "$(date +%s.%N) $start" | awk '{ printf "%.1f", $1 - $2 }'
}

for round in $(seq "${1:-3}"); do
  one=$(seconds 1 "$round")
  two=$(seconds 2 "$round")
  echo "$one $two" >>"$out/rounds"
  awk -v one="$one" -v two="$two" 'BEGIN { printf "one job %s s, two jobs %s s: %.2f times as fast\n", one, two, one / two }'
done
awk '{ print $1 / $2 }' "$out/rounds" | sort -n | awk '
  { ratio[NR] = $1 }
  END {
    median = (ratio[int((NR + 1) / 2)] + ratio[int(NR / 2) + 1]) / 2
    printf "median %.2f%s\n", median, median < 1.7 ? ": less than 1.7" : ""
    exit median < 1.7
  }'
