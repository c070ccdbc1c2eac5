#!/usr/bin/env bash
# Counts the instructions of a turn of an agent: a model call and its tool call, in runs with so many
# tool calls, traced and untraced. A report: no figure makes it fail.
set -euo pipefail
cd "$(dirname "$0")/.."

. benches/callgrind.sh
need valgrind

program="$(built raaf-benches turn)"
for calls in 0 1 8; do
    traced="$(instructions "$program" traced "$calls")"
    untraced="$(instructions "$program" untraced "$calls")"
    echo "$calls calls: $traced instructions a turn traced, $untraced untraced"
done
