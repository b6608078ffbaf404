#!/usr/bin/env bash
# The command line, from outside: usage, exit statuses, messages, files.
#
#     tests/cli/test_cli.sh [PROGRAM]       default: $TASK_DIRECTOR, else build/task-director
#
# Prints the cases that fail, then `N passed, N failed`; not 0 if one failed. Needs neither network
# nor root; with root it also tries a file system that is really full.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
program=$(realpath "${1:-${TASK_DIRECTOR:-$root/build/task-director}}") || exit 2
python=/usr/bin/python3
work=$(mktemp -d) || exit 2
mounted=
cleanup() {
    [ -n "$mounted" ] && umount "$mounted"
    rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit 2

# shellcheck source=tests/verdicts.sh
. "$root/tests/verdicts.sh"

# try ARGUMENT...: runs the program; leaves $status and the files out and err.
try() {
    "$program" "$@" >out 2>err
    status=$?
}

# True if err is one line, `task-director: ` in front.
one_message() {
    [ "$(wc -l <err)" -eq 1 ] && grep -q '^task-director: .' err
}

# refused PATTERN ARGUMENT...: exit status 2, nothing printed but one message that holds PATTERN.
refused() {
    local pattern=$1
    shift
    try "$@"
    [ "$status" -eq 2 ] && [ ! -s out ] && one_message && grep -qF -e "$pattern" err
    verdict "refused ($pattern): $*" $?
}

# fails PATTERN ARGUMENT...: the same for a run that starts or could have, 1 or 2.
fails() {
    local pattern=$1
    shift
    try "$@"
    [ "$status" -ge 1 ] && [ "$status" -le 2 ] && [ ! -s out ] && one_message &&
        grep -qF -e "$pattern" err
    verdict "fails ($pattern): $*" $?
}

# done_well ARGUMENT...: exit status 0 and a silent standard error.
done_well() {
    try "$@"
    [ "$status" -eq 0 ] && [ ! -s err ]
    verdict "done: $*" $?
}

# prints PATTERN...: each stands in what the last try printed.
prints() {
    local pattern
    for pattern in "$@"; do
        grep -qF -e "$pattern" out
        verdict "prints '$pattern'" $?
    done
}

# True if the folder is missing or empty.
empty() {
    [ -z "$(ls -A "$1" 2>/dev/null)" ]
}

# scenario FILE STEPS PEERS REST: a scenario of two steps.
scenario() {
    cat >"$1" <<END
{"name": "small",
 "schema": {"id": "two", "universe": "//u/...", "steps": {"1": "//u/a/...", "2": "//u/b/..."}},
 "steps": {"default": $2},
 "peers": [$3]$4}
END
}

constant='{"build": "10m", "fetch": "100s"}'
random='{"build": {"exponential": {"mean": "10m"}}, "fetch": {"exponential": {"mean": "100s"}}}'
three='{"count": 3}'
cat >three.json <<'END'
{"name": "three-strategies",
 "schema": {"id": "six", "universe": "//app/...",
   "steps": {"1": "//app/a/...", "2": "//app/b/...", "3": "//app/c/...",
             "4": "//app/d/...", "5": "//app/e/...", "6": "//app/f/..."}},
 "steps": {"default": {"build": "10m", "fetch": "100s"}},
 "peers": [{"count": 3}],
 "policies": ["linear", "parallel", "directed"]}
END
scenario random.json "$random" "$three" ', "policies": ["linear", "directed"], "replications": 40'
scenario none.json "$constant" "$three" ''
scenario unknown.json "$constant" "$three" ', "policies": ["linear", "directd"]'
scenario twice.json "$constant" "$three" ', "policies": ["linear", "linear"]'
pareto='{"build": {"pareto": {"shape": 0.9, "scale": "1m"}}, "fetch": 1}'
scenario infinite.json "$pareto" "$three" ', "policies": ["linear", "longest"]'
heavy='{"build": {"pareto": {"shape": 1.5, "scale": "1m"}}, "fetch": 1}'
scenario heavy.json "$heavy" "$three" ', "policies": ["linear", "longest"], "replications": 2'
# Long enough that a signal always finds it at work: hours, were it left alone.
scenario long.json "$random" '{"count": 20000}' ', "policies": ["linear"], "replications": 1000000'

# --- usage -------------------------------------------------------------------------------------
refused 'no command'
refused "'check'" chekc three.json
refused "'run'" ruun
refused "'--version'" --verison
refused 'unknown command' ''
refused 'SCENARIO' run
refused 'SCENARIO' check
refused 'DIR' plot
refused "'two.json'" run three.json two.json
refused "'extra'" policies extra
refused "'--replications'" run --replication 3 three.json
refused "'--confidence'" run --confidance=0.9 three.json
refused "'--replications'" run --repl 3 three.json
refused "'--replications'" run --rep=3 three.json
refused "'--confidence'" run --conf 0.9 three.json
refused "'check'" c three.json
refused 'task-director run --help' run --frobnicate three.json
refused 'task-director --help' frobnicate
refused "'--policy'" run -policy linear three.json
refused "'--quiet'" check --quite three.json
refused "'--quiet'" policies --quiet
refused '--out needs a value' run three.json --out
refused '--out needs a value' run three.json --out=
refused '--out needs a value' run --out --quiet three.json
refused '--quiet takes no value' run --quiet=yes three.json
refused '--seed is given twice' run --seed 1 three.json --seed=1
refused '--quiet is given twice' run --quiet --quiet three.json
for value in 0 -1 +1 1.5 1e3 x ' 1' 10000001 99999999999999999999999; do
    refused "'$value'" run three.json --replications "$value"
done
for value in -1 9007199254740992 0x10; do
    refused "'$value'" run three.json --seed "$value"
done
for value in 0 1 -0.5 95 95% nan inf 0x0.8p0 '' 0.5x; do
    refused '--confidence needs a' run three.json "--confidence=$value"
done
for value in 0 x 1000000; do
    refused '--jobs needs a whole number' run three.json --jobs "$value"
done
refused '--tasks' run three.json --tasks -1 --out dir
refused '--out' run three.json --tasks 1
refused 'does not say how it is run live' run three.json --live
refused 'leave one of --live and --jobs out' run three.json --live --jobs 1
refused "$(printf 'no?such')" run "$(printf 'no\nsuch')"
refused 'nowhere.json' run nowhere.json
refused 'nowhere.json' check nowhere.json
mkdir folder.json
refused 'folder.json' run folder.json

# --- policies ----------------------------------------------------------------------------------
refused "'linear'" run three.json --policy lnear
refused "'directed'" run three.json --policy linear,Directed
refused "'directed'" run three.json --policy dir
refused 'named twice' run three.json --policy linear,linear
refused 'empty' run three.json --policy linear,,directed
refused 'empty' run three.json --policy linear,
refused 'unknown.json:4:' run unknown.json
refused "'directed'" run unknown.json
refused 'unknown.json:4:' run unknown.json --policy linear
refused 'unknown.json:4:' check unknown.json
refused 'twice' run twice.json
refused '--policy' run none.json
refused 'none.json:1:1: $.policies: no policy to run: ' run none.json
refused 'infinite.json:4:' run infinite.json
refused "'longest'" check infinite.json
refused '--policy' run infinite.json --policy longest
holds 'nothing was written by what was refused' test ! -e dir

# --- help and version --------------------------------------------------------------------------
done_well --help
prints run check policies plot peer --help --version
done_well --version
prints "task-director "
cp out version
for command in run check policies plot peer; do
    done_well "$command" --version
    holds "$command --version is that of the program" cmp -s out version
    done_well "$command" --help
    prints "Usage: task-director $command" --help --version
    grep -o -e '--[a-z][a-z-]*' out >listed
    while read -r option; do
        holds "docs/cli.md knows $option of $command" grep -qF -e "$option" "$root/docs/cli.md"
    done <listed
done
done_well run --help
prints --policy --replications --seed --confidence --out --tasks --jobs --quiet --json --live
done_well run --seed 3 -h
done_well check --help
prints --quiet
done_well policies
prints universe linear parallel directed longest shortest critical-path most-unlocked random \
    weighing
cut -d' ' -f1 out >listed
"$python" - "$root/scenarios/scenario.schema.json" listed >out 2>err <<'END'
import json, sys
items = json.load(open(sys.argv[1]))["properties"]["policies"]["items"]["anyOf"]
names = next(item["enum"] for item in items if "enum" in item)
sys.exit(sorted(names) != sorted(open(sys.argv[2]).read().split()))
END
verdict 'the JSON Schema knows the same policies' $?

# --- check -------------------------------------------------------------------------------------
done_well check three.json none.json
prints 'three-strategies' '3 peers' '6 steps' '1 replication' 'linear,parallel,directed'
holds 'check prints a line a file' test "$(wc -l <out)" -eq 2
done_well check --quiet three.json none.json
holds 'check --quiet prints nothing' test ! -s out
try check three.json unknown.json infinite.json none.json
[ "$status" -eq 2 ] && [ "$(wc -l <out)" -eq 2 ] && [ "$(wc -l <err)" -eq 2 ]
verdict 'check goes on after a bad file' $?
try check heavy.json
[ "$status" -eq 0 ] && [ "$(grep -c '^task-director: warning: ' err)" -eq "$(wc -l <err)" ] &&
    [ -s err ]
verdict 'check warns of an infinite variance' $?
done_well check --quiet heavy.json

# --- run ---------------------------------------------------------------------------------------
done_well run three.json
prints '80 min' '60 min' '26 min 40 s' linear parallel directed
cp out table
done_well run --policy linear,parallel,directed --seed=1 -- three.json
holds 'options may stand in front' cmp -s out table
cp three.json ./--odd.json
done_well run -- --odd.json
holds 'what follows -- is no option' cmp -s out table
done_well run three.json --policy directed
prints '26 min 40 s'
holds '--policy overrides the file' test "$(grep -c parallel out)" -eq 0
done_well run none.json --policy linear
done_well run three.json --quiet
holds '--quiet prints nothing' test ! -s out
try run heavy.json
[ "$status" -eq 0 ] && grep -q '^task-director: warning: ' err
verdict 'run warns of an infinite variance' $?
done_well run heavy.json --quiet
done_well run random.json --confidence 0.9 --replications 7 --seed 9007199254740991
if [ -x "$python" ]; then
    for arguments in '' --quiet '--replications 1' '--out json'; do
        # shellcheck disable=SC2086 # these are words
        done_well run random.json --json $arguments
        holds "--json $arguments is JSON" "$python" -m json.tool out parsed
    done
fi

# --- files -------------------------------------------------------------------------------------
files='runs.csv peers.csv tasks.csv summary.csv compare.csv'
# The same bytes from both folders, all files, nothing else in them.
same() {
    local file
    for file in $files; do
        cmp -s "$1/$file" "$2/$file" || return 1
    done
    [ "$(ls -A "$1")" = "$(printf '%s\n' "$files" | tr ' ' '\n' | sort)" ]
}
done_well run random.json --out one --jobs 1
prints one 'task-director plot'
done_well run random.json --out new/two --jobs 2
if [ "$status" -ne 0 ]; then done_well run random.json --out two --jobs 2; else mv new/two two; fi
holds '--jobs 1 and --jobs 2 write the same bytes' same one two
done_well run random.json --out one --jobs 2 --quiet
holds 'written again, over the old ones' same one two
done_well run random.json --out other --seed 2 --quiet
holds 'another seed is another luck' test "$(cmp -s one/runs.csv other/runs.csv; echo $?)" -eq 1
done_well run random.json --out few --tasks 2 --quiet
for file in runs.csv peers.csv summary.csv compare.csv; do
    holds "--tasks leaves $file whole" cmp -s "one/$file" "few/$file"
done
awk -F, 'NR == 1 || $4 <= 2' one/tasks.csv >expected.csv
holds '--tasks 2 keeps two replications' cmp -s expected.csv few/tasks.csv
done_well run random.json --out few --tasks 0 --quiet
holds '--tasks 0 keeps the header' test "$(wc -l <few/tasks.csv)" -eq 1
done_well run random.json --out all --tasks 1000000 --quiet
holds '--tasks beyond the last is all' same one all

# --- files that cannot be written ---------------------------------------------------------------
echo precious >file
fails file run random.json --out file
fails file run random.json --out file/below
holds 'a file in the way is kept' test "$(cat file)" = precious
mkdir kept
echo precious >kept/runs.csv
echo mine >kept/mine.txt
cp -r kept before
refused '--seed' run random.json --out kept --seed x
refused 'unknown.json' run unknown.json --out kept
holds 'bad usage touches nothing' diff -r kept before

# A limit on the size of a file fails a write as a full disk does.
(
    trap '' XFSZ
    ulimit -f 8
    exec "$program" run random.json --replications 400 --out kept >out 2>err
)
status=$?
[ "$status" -eq 1 ] && one_message && grep -q 'kept/.*csv' err
verdict 'a file that cannot grow ends the run' $?
holds 'and old files are kept, no new ones made' diff -r kept before

mkdir kept/tasks.csv before/tasks.csv
fails tasks.csv run random.json --out kept
holds 'a folder in the place of a file: nothing is written' diff -r kept before

mkdir tiny closed
chmod 555 closed
if [ "$(id -u)" -ne 0 ]; then
    fails closed run random.json --out closed
    fails closed/new run random.json --out closed/new
elif mount -t tmpfs -o size=64k none tiny 2>/dev/null; then
    mounted=$work/tiny
    echo precious >tiny/runs.csv
    for replications in 40 400; do
        fails tiny run random.json --replications "$replications" --out tiny
        holds 'a full disk is named' grep -q 'No space left' err
        holds 'a full disk: nothing new' test "$(ls -A tiny)" = runs.csv
        holds 'a full disk: the old file is whole' test "$(cat tiny/runs.csv)" = precious
    done
    mount -o remount,ro "$mounted"
    fails tiny run random.json --out tiny
    fails tiny/new run random.json --out tiny/new
fi

# --- standard output ---------------------------------------------------------------------------
for arguments in --help --version policies 'run --help' 'run three.json' 'run three.json --json' \
    'check three.json'; do
    # shellcheck disable=SC2086 # these are words
    "$program" $arguments >/dev/full 2>err
    status=$?
    [ "$status" -eq 1 ] && one_message
    verdict "$arguments on a full device" $?
done
"$program" policies >&- 2>err
status=$?
[ "$status" -eq 1 ] && one_message
verdict 'a closed standard output' $?
"$program" run random.json --out closed-out >&- 2>err
holds 'and its files hold nothing that was meant for it' same closed-out one
"$program" run random.json --quiet --out silent >&- 2>err
status=$?
[ "$status" -eq 0 ] && [ ! -s err ]
verdict 'a closed standard output that is not needed' $?
exec 3> >(:)
wait $!
env --default-signal=PIPE "$program" policies >&3 2>err
status=$?
[ "$status" -eq 141 ] && [ ! -s err ]
verdict 'a reader that is gone ends it silently, by SIGPIPE' $?
env --ignore-signal=PIPE "$program" policies >&3 2>err
status=$?
[ "$status" -eq 1 ] && one_message
verdict 'and by an error where SIGPIPE is ignored' $?
exec 3>&-

# --- ctrl-C ------------------------------------------------------------------------------------
# interrupted SIGNAL STATUS DIR ARGUMENT...: sends SIGNAL once DIR has something in it that was not
# there before, or as soon as it exists at all.
interrupted() {
    local signal=$1 expected=$2 dir=$3
    shift 3
    rm -rf before
    [ -d "$dir" ] && cp -r "$dir" before
    env --default-signal="$signal" "$program" run long.json --out "$dir" "$@" >out 2>err &
    local pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        if [ -d before ]; then
            [ "$(ls -A "$dir")" = "$(ls -A before)" ] || break
        else
            [ -d "$dir" ] && break
        fi
        sleep 0.05
    done
    kill -s "$signal" "$pid"
    wait "$pid" 2>/dev/null
    status=$?
    [ "$status" -eq "$expected" ] && [ ! -s out ] && one_message &&
        [ "$(cat err)" = 'task-director: interrupted; nothing was written' ]
    verdict "SIG$signal: says so, and ends by it" $?
    if [ -d before ]; then
        holds "SIG$signal: what was there is there" diff -r "$dir" before
    else
        holds "SIG$signal: nothing is left" empty "$dir"
    fi
}
interrupted INT 130 gone
interrupted TERM 143 gone2 --jobs 2
interrupted HUP 129 gone3 --json --jobs 1
cp -r one again
interrupted INT 130 again --quiet

# --- peer --------------------------------------------------------------------------------------
echo '{"universe": "//u/...", "steps": {"1": "//u/a/..."}}' >one-step.json
peer=(peer --server ws://127.0.0.1:1 --name p --schema one-step.json)
done_well peer --help
prints --server --name --schema --workspace --cache-id --repository --base-ref --change --pipeline \
    --bazel --startup --command --digests --exec --read-only --max-wait --max-away --fallback --log
refused '--server is missing' peer --name p --schema one-step.json
refused '--name is missing' peer --server ws://h:1 --schema one-step.json
refused '--schema is missing' peer --server ws://h:1 --name p
refused "'extra'" "${peer[@]}" --exec true extra
for url in h:1 http://h:1 ws:// ws://h ws://h: ws://h:0 ws://h:65536 ws://h:1x ws://h:1/other \
    'ws://[::1:1' wss:// wss://h: wss://h:0 wss://h/other wsss://h:1; do
    refused "not '$url'" peer --server "$url" --name p --schema one-step.json --exec true
done
refused '--tls-ca is for an authority at wss://' "${peer[@]}" --exec true --tls-ca ca.pem
refused 'nowhere.pem: cannot be read' peer --server wss://h --name p --schema one-step.json \
    --exec true --tls-ca nowhere.pem
refused 'one-step.json: is no certificate in PEM' peer --server wss://h --name p \
    --schema one-step.json --exec true --tls-ca one-step.json
refused 'nowhere.token: cannot be read' "${peer[@]}" --exec true --token-file nowhere.token
refused 'belong together' serve --tls-cert cert.pem
refused 'nowhere.tokens: cannot be read' serve --tokens nowhere.tokens
refused '--insecure-no-tokens' serve --listen 0.0.0.0:0
refused 'nowhere.json' peer --server ws://h:1 --name p --schema nowhere.json --exec true
refused 'unknown key' peer --server ws://h:1 --name p --schema three.json --exec true
refused '--max-wait needs a time' "${peer[@]}" --exec true --max-wait soon
refused '--max-away needs a time' "${peer[@]}" --exec true --max-away 1d
refused '--command is build or test' "${peer[@]}" --command run
refused '--digests is auto or none' "${peer[@]}" --digests some
refused '--log is human or json' "${peer[@]}" --log xml
refused '--bazel is for Bazel' "${peer[@]}" --exec true --bazel bazel
refused '--change is a name' "${peer[@]}" --exec true --change "$(printf 'a\tb')"
refused 'no folder' "${peer[@]}" --exec true --workspace nowhere
refused 'no Bazel workspace' "${peer[@]}"
mkdir workspace
touch workspace/WORKSPACE
refused 'no-such-bazel' "${peer[@]}" --workspace workspace --bazel no-such-bazel

# Nobody listens on that port.
try "${peer[@]}" --exec true --max-away 10ms
[ "$status" -eq 1 ] && [ ! -s out ] && grep -q 'no authority at ws://127.0.0.1:1 .*--fallback' err
verdict 'peer without an authority: says so' $?
# shellcheck disable=SC2016 # a shell of its own expands them
script='echo "$TD_STEP,$TD_ORDER,$*"; exit 3'
try "${peer[@]}" --exec sh --max-away 10ms --fallback -- -c "$script" sh
[ "$status" -eq 3 ] && [ "$(cat out)" = ',0,//u/...' ] && grep -q 'exit status 3' err
verdict 'peer --fallback: builds the universe, and ends as that does' $?
try "${peer[@]}" --exec true --max-away 10ms --fallback --log json
[ "$status" -eq 0 ] && [ ! -s out ] && [ "$(grep -c '^{"time_s":.*}$' err)" -eq "$(wc -l <err)" ]
verdict 'peer --log json: an object a line' $?
env --default-signal=INT "$program" "${peer[@]}" --exec sh --max-away 10ms --fallback -- \
    -c 'echo here; exec sleep 100' >out 2>err &
pid=$!
while [ ! -s out ] && kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
kill -s INT "$pid"
wait "$pid" 2>/dev/null
status=$?
[ "$status" -eq 130 ] &&
    [ "$(tail -n 1 err)" = 'task-director: interrupted; the build was given up' ]
verdict 'peer, interrupted: gives the build up, says so, and ends by it' $?

# --- plot --------------------------------------------------------------------------------------
export TASK_DIRECTOR_PLOTS=$root/plots
refused nowhere plot nowhere
refused one/runs.csv plot one/runs.csv
mkdir void
refused void plot void
holds 'and leaves nothing there' empty void
done_well run three.json --out drawn --quiet
if command -v gnuplot >/dev/null; then
    done_well plot drawn
    for picture in gantt comparison turnaround published; do
        holds "plot draws $picture" test -s "drawn/$picture.svg" -a -s "drawn/$picture.png"
        prints "drawn/$picture.png"
    done
fi
# A gnuplot that never ends, with half a picture on the disk.
mkdir fake
cat >fake/gnuplot <<END
#!/bin/sh
echo half >".plot-\$PPID-gantt.svg"
: >"$work/started"
exec sleep 1000
END
chmod +x fake/gnuplot
rm -rf before
cp -r drawn before
env --default-signal=TERM PATH="$work/fake:$PATH" "$program" plot drawn >out 2>err &
pid=$!
while [ ! -e started ] && kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
kill -s TERM "$pid"
wait "$pid" 2>/dev/null
status=$?
[ "$status" -eq 143 ] && [ ! -s out ] && one_message && grep -q ': interrupted' err
verdict 'plot, interrupted: says so, and ends by it' $?
holds 'plot, interrupted: nothing half-drawn is left' diff -r drawn before

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
