#!/bin/bash
# Runs tests and counts their cases:
#     tools/run-tests.sh [--jobs N] [--timeout SECONDS] [--wrap COMMAND] TEST...
#
# A TEST is a cmocka program, or a script with its arguments in one word ("tests/x/y.py --cases 9").
# Scripts say what they did in a last line `N passed, N failed`, or are Python unittests. A test
# that fails without a count, dies, hangs or executes no case is a failure. Each test gets one line,
# and a failed one its whole output. What a script says behind `note ` is shown, and so is `SKIP `:
# a case that cannot be tried here. The last line is the sum, `N passed, N failed`.
set -eu

# The counts of a test's output: PASSED FAILED SKIPPED, or nothing if it reported no case.
count() { # OUTPUT
    awk '
        /\[ RUN      \]/ { started++; open = 1 }
        /\[       OK \]/ { ok++; open = 0 }
        # Once more in the list at the end, where no case is open.
        /\[  SKIPPED \]/ && open { skipped++; open = 0 }
        # A fixture of a whole group that failed, so that none of its cases began.
        /\[  FAILED  \] GROUP/ { fixture++ }
        NF { last = $0 }
        /^SKIP / { apart++ }
        /^Ran [0-9]+ tests? in/ { ran = $2; unittest = 1 }
        /^(OK|FAILED)( |$)/ && unittest {
            text = $0
            gsub(/[^0-9a-z=]+/, " ", text)
            n = split(text, words, " ")
            for (i = 1; i <= n; i++) {
                split(words[i], pair, "=")
                if (pair[1] ~ /^(failures|errors)$/) broken += pair[2]
                if (pair[1] == "skipped") left += pair[2]
            }
        }
        END {
            if (last ~ /^[0-9]+ passed, [0-9]+ failed$/) {
                split(last, words, " ")
                print words[1], words[3], apart + 0
            }
            # A case that began and neither passed nor was skipped took the program with it.
            else if (started) print ok + 0, started - ok - skipped + fixture, skipped + 0
            else if (fixture) print 0, fixture, 0
            else if (unittest) print ran - broken - left, broken + 0, left + 0
        }' "$1"
}

run_one() { # NUMBER TEST, in a process of its own
    local number=$1 test=$2 out=$RUN_DIR/$1.out status=0 begin=$EPOCHREALTIME
    local -a command wrap
    read -ra command <<<"$test"
    read -ra wrap <<<"$RUN_WRAP"
    case ${command[0]} in
    *.py) command=("${PYTHON:-python3}" "${command[@]}") ;;
    *.sh) command=(bash "${command[@]}") ;;
    *) command=("${wrap[@]}" "${command[@]}") ;;
    esac
    { timeout -k 5 "$RUN_TIMEOUT" "${command[@]}" </dev/null || status=$?; } >"$out" 2>&1

    local passed=0 failed=0 skipped=0 why=''
    read -r passed failed skipped < <(count "$out") || true
    : "${passed:=0}" "${failed:=0}" "${skipped:=0}"
    case $status in
    0) [ $((passed + failed + skipped)) -gt 0 ] || why=', no test case ran' ;;
    124 | 137) why=", ended after $RUN_TIMEOUT s" ;;
    1[3-9][0-9]) why=", killed by signal $((status - 128))" ;;
    *) why=", exit status $status" ;;
    esac
    if [ -n "$why" ] && [ "$failed" = 0 ]; then failed=1; fi
    [ "$skipped" = 0 ] || why=", $skipped skipped$why"

    local end=$EPOCHREALTIME word=ok
    local tenths=$(((${end/[.,]/} - ${begin/[.,]/}) / 100000))
    [ "$failed" = 0 ] || word=FAIL
    echo "$passed $failed" >"$RUN_DIR/$number.count"
    {
        if [ "$failed" != 0 ]; then
            sed 's/^/    /' "$out"
        else
            sed -nE '/^(SKIP|note) /s/^/    /p' "$out"
        fi
        printf '%-4s %s: %d passed, %d failed%s (%d.%d s)\n' \
            "$word" "$test" "$passed" "$failed" "$why" $((tenths / 10)) $((tenths % 10))
    } >"$RUN_DIR/$number.text"
    # One write under a lock: the lines of tests that run side by side don't mix.
    flock "$RUN_DIR/lock" cat "$RUN_DIR/$number.text"
}

if [ "${1:-}" = --one ]; then
    shift
    run_one "$@"
    exit
fi

jobs=$(nproc) RUN_TIMEOUT=600 RUN_WRAP=''
while [ $# -gt 0 ]; do
    case $1 in
    --jobs) jobs=$2 && shift 2 ;;
    --timeout) RUN_TIMEOUT=$2 && shift 2 ;;
    --wrap) RUN_WRAP=$2 && shift 2 ;;
    *) break ;;
    esac
done
[ $# -gt 0 ] || {
    echo "tools/run-tests.sh: no tests given" >&2
    echo "0 passed, 1 failed"
    exit 1
}

RUN_DIR=$(mktemp -d)
trap 'rm -rf "$RUN_DIR"' EXIT
export RUN_DIR RUN_TIMEOUT RUN_WRAP

number=0
for test in "$@"; do
    number=$((number + 1))
    printf '%s\0%s\0' "$number" "$test"
done | xargs -0 -n 2 -P "$jobs" bash "$0" --one || true

passed=0 failed=0
for number in $(seq $#); do
    ran=0 lost=1 # a runner that died has failed
    [ ! -e "$RUN_DIR/$number.count" ] || read -r ran lost <"$RUN_DIR/$number.count"
    passed=$((passed + ran)) failed=$((failed + lost))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
