#!/bin/sh
# Fuzzes every target for so many seconds each (60 when not said): fuzz/run.sh [SECONDS] [TARGET...]
set -eu
cd "$(dirname "$0")"
seconds=${1:-60}
[ $# -gt 0 ] && shift
targets=${*:-lexer extraction bodies frames}
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
for target in $targets; do
    case $target in lexer | extraction) seeds=seeds/sql ;; *) seeds=seeds/$target ;; esac
    mkdir -p "corpus/$target"
    # A statement that takes longer than its length allows is a finding too.
    (cd .. && cargo +nightly fuzz run --fuzz-dir fuzz "$target" "fuzz/corpus/$target" "fuzz/$seeds" "fuzz/found/$target" -- \
        -max_total_time="$seconds" -timeout=10 -max_len=4096 -print_final_stats=1 2>&1 | tail -25)
done
