#!/bin/bash
# Runs fuzz targets: tools/fuzz.sh --seconds N PROGRAM...
#
# Each program first runs on its corpus (fuzz/corpus/NAME), then for so many seconds on what it
# makes of it. New inputs that lead somewhere stay beside the program, in corpus/NAME; what fails is
# in found/, and its output is shown. The last line is `N passed, N failed`.
set -eu

seconds=5
[ "${1:-}" != --seconds ] || { seconds=$2 && shift 2; }
passed=0 failed=0
for program in "$@"; do
    name=$(basename "$program")
    folder=$(dirname "$(dirname "$program")")
    grown=$folder/corpus/$name found=$folder/found
    mkdir -p "$grown" "$found"
    out=$found/$name.txt
    if UBSAN_OPTIONS=print_stacktrace=1 "$program" -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=1024 -max_len=20000 -artifact_prefix="$found/$name-" -print_final_stats=1 \
        "$grown" "fuzz/corpus/$name" >"$out" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        tail -n 60 "$out" | sed 's/^/    /'
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out")
    echo "note fuzz/$name.c: $(find "fuzz/corpus/$name" -type f | wc -l) inputs, ${runs:-?} runs"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
