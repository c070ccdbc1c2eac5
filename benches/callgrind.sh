# Functions to count instructions under valgrind, for the scripts beside this file. Load does not change
# what they count.

# Ends the script if one of these programs is missing.
need() {
    local tool
    for tool in "$@"; do
        if ! command -v "$tool" >/dev/null; then
            echo "$tool is not installed; counting needs $*" >&2
            exit 1
        fi
    done
}

# Builds the program $2 of the package $1, and prints its path.
built() {
    cargo build --release --quiet --package "$1" --bin "$2"
    cargo metadata --format-version 1 --no-deps |
        sed -n "s/.*\"target_directory\":\"\([^\"]*\)\".*/\1\/release\/$2/p"
}

# Runs a program with its arguments ($2 and more), writes its profile to $1, and prints what it prints:
# how often it did what is counted. Only the marked function is counted, and only in the thread that is
# inside it. The fair scheduler lets the other threads run, so that queues drain as they do outside of
# valgrind.
profile() {
    local profile="$1"
    shift
    if ! env -i PATH="$PATH" valgrind --tool=callgrind --fair-sched=try --dump-instr=yes \
        --compress-strings=no --compress-pos=no --toggle-collect='*count_here*' \
        --callgrind-out-file="$profile" "$@" 2>"$profile.log"; then
        cat "$profile.log" >&2
        exit 1
    fi
}

# Prints the instructions of one of what a program ($1 and more) counts.
instructions() {
    local times
    times="$(profile "$work/profile" "$@")"
    awk -v times="$times" '/^(summary|totals):/ { print int($2 / times); exit }' "$work/profile"
}

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
