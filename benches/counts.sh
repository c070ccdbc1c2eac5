#!/usr/bin/env bash
# Counts what the thread that makes a span of W1 executes: instructions, and atomic
# read-modify-writes (instructions with a `lock` prefix, and exchanges with memory). Prints both
# beside the figures recorded last. Load does not change them. A report: no figure makes it fail.
#
#   benches/counts.sh            count and compare
#   benches/counts.sh --record   count, compare, and record the new figures
set -euo pipefail
cd "$(dirname "$0")/.."

recorded=benches/counts.txt

case "${1-}" in
'' | --record) ;;
*)
    echo "usage: $0 [--record]" >&2
    exit 2
    ;;
esac
. benches/callgrind.sh
need valgrind objdump
if [[ $(uname -m) != x86_64 ]]; then
    echo "$(uname -m) has other atomic instructions; counting needs x86_64" >&2
    exit 1
fi

spans="$(profile "$work/profile" "$(built raaf-benches counts)")"

# Addresses of the atomic read-modify-writes in each object that was run, by `ob=` and address.
sed -n 's|^ob=/|/|p' "$work/profile" | sort -u | while read -r object; do
    objdump --disassemble --no-show-raw-insn "$object" |
        sed -nE "s#^ *([0-9a-f]+):\s+(lock |xchg .*\().*#$object 0x\1#p"
done >"$work/atomics"

# A line of the profile is `ADDRESS LINE COUNT`. The one after `calls=` is left out: it sums up the
# callee, whose own lines are in the profile too.
awk -v spans="$spans" '
    FNR == NR { atomic[$0]; next }
    sub(/^ob=/, "") { object = $0 }
    /^calls=/ { getline; next }
    /^0x/ {
        instructions += $3
        if (object " " $1 in atomic) atomics += $3
    }
    END {
        printf "instructions a span: %d\n", instructions / spans
        printf "atomic read-modify-writes a span: %.2f\n", atomics / spans
    }' "$work/atomics" "$work/profile" >"$work/counts"

echo "W1, producer:"
awk -F ': ' '
    FILENAME == ARGV[1] { before[$1] = $2; next }
    {
        last = "never recorded"
        if (before[$1] > 0)
            last = sprintf("recorded: %s, %+.1f %%", before[$1], ($2 / before[$1] - 1) * 100)
        printf "  %s: %s (%s)\n", $1, $2, last
    }' "$recorded" "$work/counts"

if [[ ${1-} == --record ]]; then
    {
        cat "$work/counts"
        echo "recorded: $(date -u +%Y-%m-%d), $(rustc --version), $(uname -m)"
    } >"$recorded"
    echo "recorded in $recorded"
fi
