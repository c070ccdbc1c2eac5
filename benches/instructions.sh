#!/usr/bin/env bash
# How many instructions the thread that makes a span of W1 executes, beside the figure that was
# recorded last. The machine's load does not change it, so that a regression shows. A report: it
# never fails because of the figure.
#
#   benches/instructions.sh            count and compare
#   benches/instructions.sh --record   count, compare, and record the new figure
set -euo pipefail
cd "$(dirname "$0")/.."

recorded=benches/instructions.txt
marked='*count_instructions_here*'

if ! command -v valgrind >/dev/null; then
    echo "instructions are counted with valgrind's callgrind, and valgrind is not installed" >&2
    exit 1
fi

case "${1-}" in
'' | --record) ;;
*)
    echo "usage: $0 [--record]" >&2
    exit 2
    ;;
esac

cargo build --release --quiet --package raaf-benches --bin instructions
program="$(cargo metadata --format-version 1 --no-deps |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')/release/instructions"

profile="$(mktemp)"
log="$(mktemp)"
trap 'rm -f "$profile" "$log"' EXIT

# Only the marked function is counted, and only in the thread that is inside it. The fair scheduler
# lets the other threads run, so that queues drain as they do outside of valgrind.
if ! spans="$(env -i PATH="$PATH" valgrind --tool=callgrind --fair-sched=try \
    --toggle-collect="$marked" --callgrind-out-file="$profile" "$program" 2>"$log")"; then
    cat "$log" >&2
    exit 1
fi
instructions="$(sed -n 's/^\(summary\|totals\): *\([0-9]*\).*/\2/p' "$profile" | tail -n 1)"
now=$((instructions / spans))
echo "instructions a span of W1, producer: $now"

if [[ -s $recorded ]]; then
    before="$(sed -n 's/^instructions a span: //p' "$recorded")"
    change="$(awk -v now="$now" -v before="$before" \
        'BEGIN { printf "%+.1f", (now - before) * 100 / before }')"
    echo "last recorded:                       $before ($change %)"
else
    echo "last recorded:                       never"
fi

if [[ ${1-} == --record ]]; then
    {
        echo "instructions a span: $now"
        echo "recorded: $(date -u +%Y-%m-%d), $(rustc --version), $(uname -m)"
    } >"$recorded"
    echo "recorded in $recorded"
fi
