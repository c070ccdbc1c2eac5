#!/usr/bin/env bash
# Counts the instructions that the exporting thread executes to send a span by OTLP: with the `otlp`
# sink, and with `opentelemetry-otlp` on the same HTTP client. Load on the machine does not change them.
# This is a report: no figure makes it fail.
set -euo pipefail
cd "$(dirname "$0")/.."

. benches/callgrind.sh
need valgrind

program="$(built raaf-peers otlp)"
for workload in w1 w1-same agents; do
    ours="$(instructions "$program" "$workload" ours)"
    theirs="$(instructions "$program" "$workload" theirs)"
    awk -v workload="$workload" -v ours="$ours" -v theirs="$theirs" 'BEGIN {
        printf "%s: %d / %d instructions a span, ratio %.2f\n", workload, ours, theirs, ours / theirs
    }'
done
