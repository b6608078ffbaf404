#!/usr/bin/env bash
# Policies from outside: built against what is installed, loaded, run; bad ones are refused.
#
#     tests/policies/test_plugins.sh     the program: $TASK_DIRECTOR, else build/task-director
#
# Prints the cases that fail, then `N passed, N failed`; not 0 if one failed.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
program=$(realpath "${TASK_DIRECTOR:-$root/build/task-director}") || exit 2
build=${BUILD:-build}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
unset MAKEFLAGS MAKELEVEL MFLAGS
cd "$work" || exit 2
touch out err
# shellcheck source=tests/verdicts.sh
. "$root/tests/verdicts.sh"

# try ARGUMENT...: runs the program, which may not hang; leaves $status and the files out and err.
try() {
    timeout -k 1 60 "$program" "$@" >out 2>err
    status=$?
}

# done_well ARGUMENT...: exit status 0 and a silent standard error.
done_well() {
    try "$@"
    [ "$status" -eq 0 ] && [ ! -s err ]
    verdict "done: $*" $?
}

# ends STATUS PATTERN... -- ARGUMENT...: that status, nothing on standard output, and one sentence
# that holds each PATTERN.
ends() {
    local wanted=$1 ok=0 pattern
    local -a patterns=()
    shift
    while [ "$1" != -- ]; do
        patterns+=("$1")
        shift
    done
    shift
    try "$@"
    [ "$status" -eq "$wanted" ] && [ ! -s out ] && [ "$(wc -l <err)" -eq 1 ] &&
        grep -q '^task-director: .' err || ok=1
    for pattern in "${patterns[@]}"; do grep -qF -e "$pattern" err || ok=1; done
    verdict "status $wanted, '${patterns[*]}': $*" $ok
}

# --- what is installed -------------------------------------------------------------------------
# The program as it is: `make all` would see other flags.
holds 'make install' make -s -C "$root" -o all BUILD="$build" DESTDIR="$work/dest" \
    PREFIX=/opt/director install >out 2>err
include=dest/opt/director/include/task-director
for header in engine/policy.h engine/types.h base/time.h policies/directed.h; do
    holds "installs $header" cmp -s "$root/$header" "$include/$header"
done
holds 'installs no other header' [ "$(find "$include" -type f | wc -l)" -eq 4 ]
holds 'installs the program' [ -x dest/opt/director/bin/task-director ]
export PKG_CONFIG_PATH=$work/dest/opt/director/share/pkgconfig PKG_CONFIG_SYSROOT_DIR=$work/dest
holds 'pkg-config knows it' pkg-config --exists task-director
abi=$(pkg-config --variable=abi task-director)
holds 'pkg-config knows the ABI' grep -q "TD_POLICY_ABI ${abi:-none}u\$" "$include/engine/policy.h"
read -ra cflags < <(pkg-config --cflags task-director)

# Exported is what those headers declare, and nothing else.
nm -D --defined-only "$program" | awk '$NF ~ /^td_/ { print $NF }' | sort >exported
grep -ohE '\btd_(view_[a-z_]+|directed_choose)\(' "$include"/*/*.h | tr -d '(' | sort -u >declared
holds 'exports what the headers declare' diff declared exported >out
holds 'exports something' [ -s exported ]

# --- good ones ---------------------------------------------------------------------------------
# plugin FILE FLAG...: builds FILE.so as a user does.
plugin() {
    local name=$1
    shift
    "${CC:-gcc}" -std=c17 -Wall -Wextra -Werror -shared -fPIC "${cflags[@]}" "$@" -o "$name.so" \
        "$root/tests/policies/plugins/plugin.c" 2>err
    verdict "builds $name.so ($*)" $?
}

"${CC:-gcc}" -std=c17 -Wall -Wextra -Wpedantic -Werror -shared -fPIC "${cflags[@]}" \
    -o fetch_first.so "$root/examples/fetch_first.c" 2>err
verdict 'builds the example' $?

# scenario FILE PEERS: steps of random lengths, some after others.
scenario() {
    cat >"$1" <<END
{"name": "plugged",
 "schema": {"id": "five", "universe": "//u/...",
   "steps": {"1": "//u/a/...", "2": "//u/b/...", "3": "//u/c/...", "4": "//u/d/...",
             "5": "//u/e/..."}},
 "steps": {"default": {"build": {"exponential": {"mean": "10m"}},
                       "fetch": {"uniform": {"min": 1, "max": 100}}},
           "2": {"build": {"exponential": {"mean": "20m"}}, "fetch": 30},
           "3": {"after": ["2"]}, "4": {"after": ["2"]}, "5": {"after": ["1", "4"]}},
 "peers": [$2], "replications": 30}
END
}
scenario many.json '{"count": 7, "arrival": {"poisson": {"per_hour": 20}}}'
scenario one.json '{"count": 1}'

# same FILE POLICY SCENARIO: FILE.so gives POLICY's results, but for its name.
same() {
    local name table
    rm -rf theirs ours
    done_well run "$3" --policy "$2" --out theirs --quiet
    done_well run "$3" --policy "./$1.so" --out ours --quiet
    name=$(awk -F, 'NR == 2 { print $3 }' ours/runs.csv)
    holds "$1.so: the table of $2 has lines" [ "$(grep -c , theirs/tasks.csv)" -gt 30 ]
    for table in runs peers tasks summary; do
        holds "$1.so ($name) is $2 on $3 in $table.csv" \
            cmp <(sed "s/,$2,/,NAME,/" "theirs/$table.csv") \
            <(sed "s/,$name,/,NAME,/" "ours/$table.csv")
    done
}

plugin plain
plugin longest -DRANK=rank_longest -DNEEDS=TD_NEEDS_ESTIMATES -DNAME='"the \u00e4ltest"'
plugin equal -DRANK=rank_equal
plugin extreme -DRANK=rank_extreme
plugin all -DRANK=rank_by_all -DCHOOSE=choose_by_all -DNEEDS=TD_NEEDS_LOTS -DWAKE=TD_WAKE_ALL \
    -DNAME='"all"'
plugin restless -DCHOOSE=choose_restless -DNEEDS=TD_NEEDS_TIMES -DNAME='"restless"'
same plain directed many.json
same restless directed many.json
same longest longest many.json
same equal directed many.json
same extreme directed many.json
same fetch_first most-unlocked one.json

for jobs in 1 2; do
    done_well run many.json --policy ./all.so,./fetch_first.so,./plain.so,directed --jobs $jobs \
        --out "jobs$jobs"
    sed 's/jobs[12]/DIR/g' out >"jobs$jobs.out"
done
holds 'any number of threads gives the same bytes' diff -r jobs1 jobs2 >out
holds 'and prints the same' cmp jobs1.out jobs2.out
for name in all fetch-first mine; do
    holds "the table names $name" grep -q "^$name  " jobs1.out
    holds "runs.csv names $name" grep -q "^plugged,simulated,$name," jobs1/runs.csv
done

# Where it may be named, and what a path is.
done_well run one.json --policy plain.so --quiet
done_well run one.json --policy "$work/plain.so,directed" --quiet
done_well run one.json --policy=./plain.so --json
holds 'the JSON names it' grep -q '"mine"' out
mkdir -p deep/policies
cp plain.so deep/policies/odd.name
cp fetch_first.so deep/
sed 's/"replications"/"policies": ["policies\/odd.name", "fetch_first.so", "linear"], &/' one.json \
    >deep/named.json
done_well run deep/named.json
holds 'relative to the scenario' grep -q '^mine ' out
done_well check deep/named.json
holds 'check names them' grep -q 'policies mine,fetch-first,linear' out
(cd deep && timeout 60 "$program" run named.json --quiet)
verdict 'from the scenario'"'"'s own folder' $?
sed "s|\"replications\"|\"policies\": [\"$work/plain.so\"], &|" one.json >absolute.json
done_well run absolute.json

# --- refused before anything runs --------------------------------------------------------------
# refused FILE PATTERN...: in a list, with exit status 2.
refused() {
    local file=$1
    shift
    ends 2 --policy "$file" "$@" -- run many.json --policy "directed,$file"
}
refused ./missing.so 'No such file'
refused missing.so 'No such file'
refused ./none/missing.so 'No such file'
ends 2 --policy 'path of more than' -- run one.json --policy "./$(printf 'x%.0s' {1..6000}).so"
ends 2 --policy 'unknown policy' 'lists' -- run one.json --policy "$(printf 'x%.0s' {1..6000}).so"
echo 'no shared object at all, but long enough for the header of one, which has 64 bytes' >text.so
: >empty.so
mkfifo pipe.so
mkdir folder.so
refused ./text.so 'ELF'
refused ./empty.so 'too short'
refused ./pipe.so 'is no file'
refused ./folder.so 'is no file'
refused /dev/zero 'is no file'
head -c 900 plain.so >cut.so
refused ./cut.so 'cut off'
head -c "$(($(stat -c %s plain.so) / 2))" plain.so >half.so
refused ./half.so 'cut off'
plugin nothing -DSYMBOL=td_politics
refused ./nothing.so 'no td_policy'
plugin older -DABI=999
refused ./older.so 'ABI 999' "ABI $abi" rebuild
plugin nameless -DNAME=NULL
refused ./nameless.so 'name'
plugin unnamed -DNAME='""'
refused ./unnamed.so 'name'
plugin blank -DNAME='"  "'
refused ./blank.so 'name'
plugin bell -DNAME='"a\ab"'
refused ./bell.so 'name'
plugin latin -DNAME='"a\xff"'
refused ./latin.so 'name'
plugin talker -DNAME="\"$(printf 'n%.0s' {1..129})\""
refused ./talker.so 'name' 128
plugin brief -DNAME="\"$(printf 'n%.0s' {1..128})\""
done_well run one.json --policy ./brief.so --quiet
plugin shipped -DNAME='"most-unlocked"'
refused ./shipped.so "'most-unlocked'"
plugin mute -DSUMMARY=NULL
refused ./mute.so 'summary' "'mine'"
plugin lines -DSUMMARY='"two\nlines"'
refused ./lines.so 'summary' "'mine'"
plugin idle -DCHOOSE=NULL
refused ./idle.so '.choose' "'mine'"
plugin sleeper -DWAKE=4
refused ./sleeper.so '.wake' "'mine'"
plugin negative -DWAKE=-1
refused ./negative.so '.wake' "'mine'"
plugin needy -DNEEDS=16u
refused ./needy.so '.needs' "'mine'"
echo 'int td_nowhere(void); int td_policy(void); int td_policy(void) { return td_nowhere(); }' >u.c
"${CC:-gcc}" -shared -fPIC -o unlinked.so u.c
refused ./unlinked.so 'td_nowhere'
ends 2 --policy "'mine' is named twice" -- run one.json --policy ./plain.so,directed,./plain.so
ends 2 --policy "'mine' is named twice" -- run one.json --policy ./plain.so,./equal.so
ends 2 '--policy' 'empty' -- run one.json --policy ./plain.so,
sed 's/"replications"/"policies": ["linear", "none.so"], &/' one.json >deep/lacking.json
ends 2 deep/lacking.json: '$.policies[1]' none.so 'No such file' -- run deep/lacking.json
ends 2 deep/lacking.json: '$.policies[1]' none.so 'No such file' -- check deep/lacking.json
sed 's/"exponential": {"mean": "10m"}/"pareto": {"shape": 0.9, "scale": 1}/' one.json >heavy.json
try run heavy.json --policy ./longest.so
[ "$status" -eq 2 ] && grep -q 'no finite mean' err
verdict 'needs are heeded' $?
# As many as a run compares, and one more.
for i in {1..65}; do
    "${CC:-gcc}" -shared -fPIC "${cflags[@]}" -DNAME="\"p$i\"" -o "p$i.so" \
        "$root/tests/policies/plugins/plugin.c"
done
done_well run one.json --replications 1 --quiet --policy "$(printf ',p%d.so' {1..64} | cut -c2-)"
ends 2 --policy "'p65'" 64 -- run one.json --policy "$(printf ',p%d.so' {1..65} | cut -c2-)"

# The end of a fetch wakes the head of the line, which is somebody else: A builds 1 and 2 until 20,
# B comes at 12, fetches until 25, and A has to wait for that; then A builds 3 until 35, waits for
# B's next fetch until 38 and is complete; B fetches 3 until 51.
plugin in_line -DCHOOSE=choose_in_line -DWAKE=TD_WAKE_IN_TURN
cat >line.json <<'END'
{"name": "line",
 "schema": {"id": "s", "universe": "//...", "steps": {"1": "//1", "2": "//2", "3": "//3"}},
 "steps": {"default": {"build": 10, "fetch": 13}}, "rest": {"build": 0, "fetch": 0},
 "peers": [{"count": 2, "arrival": {"times": [0, 12]}}],
 "policies": ["linear"], "replications": 1}
END
done_well run line.json --policy ./in_line.so --out line --quiet
holds 'a line in which others fetch meanwhile' \
    [ "$(cut -d, -f8 line/peers.csv | tail -n +2 | tr '\n' ' ')" = '38.000000000 51.000000000 ' ]

# --- stopped when they answer nonsense ---------------------------------------------------------
# stopped FUNCTION PATTERN FLAG...: the run ends with 1 and writes nothing.
stopped() {
    local name=$1 pattern=$2 jobs
    shift 2
    plugin "$name" -DCHOOSE="choose_$name" -DNAME='"the bad one"' "$@"
    for jobs in 1 2; do
        ends 1 'policy the bad one ' "$pattern" 'mend the policy' -- \
            run many.json --policy "directed,./$name.so" --jobs $jobs --out nonsense
    done
    holds "$name: nothing is written" [ -z "$(ls -A nonsense 2>/dev/null)" ]
}
stopped held 'holds'
stopped beyond 'step 5 of a schema of 5 steps'
stopped no_step 'of a schema of 5 steps'
stopped unknown 'kind 77'
stopped waiting 'wait for ever'
stopped waiting 'wait for ever' -DWAKE=TD_WAKE_ALL
stopped waiting 'wait for ever' -DWAKE=TD_WAKE_IN_TURN
stopped waiting 'wait for ever' -DWAKE=TD_WAKE_NONE
stopped polling 'wait for ever' -DNEEDS=TD_NEEDS_TIMES
stopped late 'which is not after' -DNEEDS=TD_NEEDS_TIMES
stopped giving_up 'still get what it lacks'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
