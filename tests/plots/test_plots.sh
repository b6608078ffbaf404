#!/usr/bin/env bash
# The pictures: the gnuplot scripts by hand, and `task-director plot`.
#
#     tests/plots/test_plots.sh [PROGRAM]       default: $TASK_DIRECTOR, else build/task-director
#
# Prints the cases that fail, then `N passed, N failed`; not 0 if one failed. What a picture says is
# looked up in its SVG; how it looks is for eyes (docs/plots.md says what to look for).
set -u
export LC_ALL=C.UTF-8 # in the C locale gnuplot warns of a degree sign
root=$(cd "$(dirname "$0")/../.." && pwd)
program=$(realpath "${1:-${TASK_DIRECTOR:-$root/build/task-director}}") || exit 2
[ -x "$program" ] || {
    echo "no $program: build it first" >&2
    exit 2
}
data=$root/tests/plots/data
export TASK_DIRECTOR_PLOTS=$root/plots
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2

# shellcheck source=tests/verdicts.sh
. "$root/tests/verdicts.sh"

# try COMMAND...: leaves $status and the files out and err.
try() {
    "$@" >out 2>err
    status=$?
}

# script FOLDER NAME [ASSIGNMENTS]: runs a plot script by hand in FOLDER.
script() {
    (cd "$1" && gnuplot -d -e "${3:-}" "$root/plots/$2.gp") >out 2>err
    status=$?
}

# fresh NAME SET: a folder NAME with the CSV files of tests/plots/data/SET and nothing else.
fresh() {
    rm -rf "$1"
    mkdir "$1"
    cp "$data/$2"/*.csv "$1"
}

# whole FILE...: each is a picture from its head to its end.
whole() {
    local file
    for file in "$@"; do
        case $file in
        *.svg) head -c 5 "$file" | grep -q '<?xml' && tail -c 10 "$file" | grep -q '</svg>' ;;
        *) head -c 4 "$file" | grep -q PNG && tail -c 12 "$file" | grep -aq IEND ;;
        esac || return 1
    done
}

# says FILE TEXT...: the SVG shows each text, as one label (its beginning, where it is cut).
says() {
    local file=$1 text
    shift
    for text in "$@"; do
        text=$(printf '%s' "$text" | sed 's/&/\&amp;/g; s/</\&lt;/g')
        grep -qF -e "<text>$text" "$file" && continue
        echo "  not in $file: $text"
        return 1
    done
}

# lacks FILE TEXT...: no label is TEXT.
lacks() {
    local file=$1 text
    shift
    for text in "$@"; do
        grep -qF -e "<text>$text</text>" "$file" && return 1
    done
    return 0
}

# drawn FOLDER NAME: both pictures are there and whole, and nothing was said.
drawn() {
    [ "$status" -eq 0 ] && [ ! -s err ] && whole "$1/$2.svg" "$1/$2.png"
}

# absent FOLDER NAME TEXT: no picture, exit status 0, one sentence that holds TEXT.
absent() {
    [ "$status" -eq 0 ] && [ ! -e "$1/$2.svg" ] && [ ! -e "$1/$2.png" ] &&
        [ "$(wc -l <err)" -eq 1 ] && grep -qF -e "$3" err
}

# refused STATUS TEXT: nothing printed but one message of the program's that holds TEXT.
refused() {
    [ "$status" -eq "$1" ] && [ ! -s out ] && [ "$(wc -l <err)" -eq 1 ] &&
        grep -q '^task-director: .' err && grep -qF -e "$2" err
}

# no_traces FOLDER: no temporary file, and nothing that a name has had executed.
no_traces() {
    [ -z "$(find "$1" -name '.plot-*' -o -name injected)" ]
}

# numbers FOLDER PROGRAM.awk: what the awk program tells gnuplot.
numbers() {
    (cd "$1" && LC_ALL=C awk -v replication= -v until= -f "$root/plots/common.awk" \
        -f "$root/plots/$2")
}

# curves FOLDER PROGRAM.awk: the curves that it draws, `x:y x:y ...`, a policy a line.
curves() {
    numbers "$1" "$2" | awk '/^\$curves/ { on = 1; next } /^END_OF_CURVES/ { on = 0 }
        on && NF == 2 { line = line sprintf(" %.2f:%.2f", $1, $2) }
        on && NF == 0 && line != "" { print substr(line, 2); line = "" }'
}

# --- the frame of the problem, each script by hand ----------------------------------------------
fresh frame frame
for name in gantt comparison turnaround published; do
    script frame "$name"
    holds "$name draws" drawn frame "$name"
    holds "$name is titled" says "frame/$name.svg" three-strategies
done
what='What each peer does: replication 1 of the simulated run'
holds 'gantt: policies and makespans' says frame/gantt.svg 'linear – makespan 80 min' \
    'parallel – makespan 60 min' 'directed – makespan 26 min 40 s'
holds 'gantt: peers, steps, unit, replication' says frame/gantt.svg peer-1 peer-2 peer-3 1 6 \
    'time (min)' "$what"
holds 'gantt: a legend of what is there' says frame/gantt.svg build 'duplicate build' fetch wait
holds 'gantt: no legend of what is not' lacks frame/gantt.svg failed aborted overhead
dashed() { grep -q dasharray "$1"; }
holds 'gantt: bars have no gaps' test "$(dashed frame/gantt.svg; echo $?)" -eq 1
numbers frame gantt.awk | awk '/^\$pieces/ { on = 1; next } /^END_OF_PIECES/ { on = 0 }
    on && NF == 3 { end = $1 + $3; if (end > last) last = end; count++ }
    END { printf "%d %.1f\n", count, last }' >sums
holds 'gantt: an interval, a bar; the last ends at the makespan' grep -qx '56 79.9' sums
holds 'comparison: values' says frame/comparison.svg linear parallel directed '80 min' '70 min' \
    '26 min 40 s' 'One replication of the simulated run: no intervals'
curves frame published.awk >found
cat >expected <<'END'
0.00:0.00 10.00:1.00 20.00:2.00 30.00:3.00 40.00:4.00 50.00:5.00 60.00:6.00 61.80:6.00
0.00:0.00 10.00:1.00 20.00:2.00 30.00:3.00 40.00:4.00 50.00:5.00 60.00:6.00 61.80:6.00
0.00:0.00 10.00:3.00 20.00:6.00 61.80:6.00
END
holds 'published: six builds each, no duplicates' cmp -s found expected
curves frame turnaround.awk >found
cat >expected <<'END'
0.00:0.00 60.00:33.33 70.00:66.67 80.00:100.00 82.40:100.00
0.00:0.00 60.00:100.00 82.40:100.00
0.00:0.00 26.67:100.00 82.40:100.00
END
holds 'turnaround: the empirical distribution' cmp -s found expected

# --- names that mean something to gnuplot, awk, a shell or XML ----------------------------------
title="A, \"B\" {c}_d^e & <f> @g \$h %d \\n 'i' \`touch injected\` é"
first='dir,ected_"x"^{y}'
second="it's \`touch injected\` & <b>_@c"
fresh names names
for name in gantt comparison turnaround published; do
    script names "$name"
    holds "$name draws nasty names" drawn names "$name"
    holds "$name shows them as they are" says "names/$name.svg" "$title" "$first" "$second"
done
holds 'gantt: peers and steps' says names/gantt.svg "peer_1 \`touch…njected\` 'x'" \
    '<z>&"q", ö' a_1 'b,"2"^{&}' universe
holds 'gantt: all kinds' says names/gantt.svg 'build of the rest' 'duplicate build' overhead wait \
    failed aborted
holds 'gantt: all kinds are solid' test "$(dashed names/gantt.svg; echo $?)" -eq 1
holds 'comparison: an interval, and none' says names/comparison.svg '81.5 s ± 6.35 s' '64 s' \
    'Means over 2 replications of the simulated run, with 95% confidence intervals'
holds 'turnaround: those that did not complete' says names/turnaround.svg '2 of 4 completed'
holds 'nothing was executed' no_traces .
script names gantt "replication = 2; prefix = 'second-'; until = 30"
holds 'gantt: another replication, cut, under another name' drawn names second-gantt
holds 'gantt: says so' says names/second-gantt.svg \
    'What each peer does: replication 2 of the simulated run; cut at 30 s'
script names published 'until = -1'
holds 'published: cut before it begins' test "$status" -eq 0
odd="it's \"odd\" \$(touch injected) {x}_^é"
mkdir "$odd"
cp -r "$root/plots" "$odd/pl'ots"
fresh "$odd/re sults" frame
try env -C "$odd/re sults" gnuplot "../pl'ots/gantt.gp"
holds 'scripts and data in an odd place' drawn "$odd/re sults" gantt
holds 'the same picture' cmp -s "$odd/re sults/gantt.svg" frame/gantt.svg

# --- files as others write them, and parts of a run ---------------------------------------------
fresh crlf names
for file in crlf/*.csv; do
    printf '\357\273\277' >"$file"
    sed 's/$/\r/' "$data/names/${file#*/}" >>"$file"
done
for name in gantt comparison turnaround published; do
    script crlf "$name"
    holds "$name: line ends of another system" cmp -s "crlf/$name.svg" "names/$name.svg"
done
fresh few frame
rm few/peers.csv few/runs.csv
script few gantt
holds 'gantt needs tasks.csv only' drawn few gantt
holds 'gantt: then without makespans' says few/gantt.svg linear peer-3
script few turnaround
holds 'no peers.csv' absent few turnaround 'there is no peers.csv'
fresh none frame
rm none/*.csv
script none gantt
holds 'no tasks.csv: no Gantt chart' absent none gantt 'there is no tasks.csv'
script none published
holds 'no tasks.csv: no artifacts' absent none published 'there is no tasks.csv'
script none comparison
holds 'no summary.csv' absent none comparison 'there is no summary.csv'
for file in tasks peers summary; do head -1 "$data/frame/$file.csv" >none/$file.csv; done
script none gantt
holds 'tasks.csv without rows: no Gantt chart' absent none gantt 'holds no intervals'
script none published
holds 'tasks.csv without rows: no artifacts' absent none published 'holds no intervals'
script none turnaround
holds 'peers.csv without rows' absent none turnaround 'holds no peers'
script none comparison
holds 'summary.csv without rows' absent none comparison 'holds no makespans'
printf 'a,b\n1,2\n' >none/tasks.csv
script none gantt
holds 'another kind of tasks.csv' test "$status" -eq 2
holds 'another kind of tasks.csv: says why' grep -qF 'tasks.csv has no column peer' err
fresh zero frame
awk -F, -v OFS=, 'NR > 1 { $8 = $9 = "0.000000000" } 1' "$data/frame/tasks.csv" >zero/tasks.csv
script zero gantt
holds 'no time passes' absent zero gantt 'no interval takes any time'

# --- many peers ---------------------------------------------------------------------------------
fresh many frame
rm many/*.csv
awk -v peers=1000 'BEGIN {
    print "scenario,mode,policy,replication,peer,step,kind,start_s,end_s,outcome" >"many/tasks.csv"
    print "scenario,mode,policy,replication,peer,cache,arrival_s,completion_s,turnaround_s," \
        "busy_s,wait_s,builds,fetches,outcome" >"many/peers.csv"
    for (p = 1; p <= peers; p++) {
        for (s = 0; s < 40; s++)
            printf "many,simulated,directed,1,peer-%d,%d,%s,%.9f,%.9f,ok\n", p, s,
                p == s * 20 + 1 ? "build" : "fetch", p + 10.7 * s, p + 10.7 * (s + 1) \
                >"many/tasks.csv"
        printf "many,simulated,directed,1,peer-%d,,%d,%.9f,%.9f,0,0,0,0,ok\n", p, p,
            p + 428 + p / 7, 428 + p / 7 >"many/peers.csv"
    }
}'
script many gantt
holds 'a thousand peers: a sample' drawn many gantt
holds 'a thousand peers: says so' says many/gantt.svg \
    "$what; of its 1,000 peers, every 4th is drawn"
holds 'a thousand peers: bounded' test "$(wc -c <many/gantt.svg)" -lt 200000
script many turnaround
holds 'a thousand turnarounds' drawn many turnaround
awk 'BEGIN {
    print "scenario,mode,policy,replication,turnaround_s,outcome"
    for (i = 1; i <= 20000; i++)
        printf "many,simulated,directed,1,%.9f,ok\n", (i * 7919) % 20000 / 7
}' >many/peers.csv
numbers many turnaround.awk | awk '/^\$curves/ { on = 1; next } /^END_OF_CURVES/ { on = 0 }
    on && NF == 2 {
        if ($1 < x || $2 < y) bad = 1
        # at x, the share of 20,000 values that are at or below it, within the width of a cell
        if ($1 * 60 * 7 <= 19999 && ($1 * 60 * 7 + 1) / 200 - $2 > 0.1) bad = 1
        x = $1; y = $2; count++
    }
    END { print bad + 0, count <= 4002, y }' >sums
holds 'many turnarounds: thinned, and right' grep -qx '0 1 100' sums

# --- task-director plot -------------------------------------------------------------------------
list() { for name in gantt comparison turnaround published; do
    printf '%s\n' "$1/$name.svg" "$1/$name.png"
done; }
fresh frame frame
try "$program" plot frame
holds 'plot: exit status 0, silent' test "$status$(wc -c <err)" = 00
list frame >expected
holds 'plot: lists the pictures' cmp -s out expected
# shellcheck disable=SC2046 # a list of plain names
holds 'plot: they are whole' whole $(list frame)
holds 'plot: nothing else is left' test "$(find frame -type f | wc -l)" -eq 12
fresh names names
try "$program" plot --replication 2 names
holds 'plot --replication' says names/gantt.svg 'What each peer does: replication 2 of the'
try "$program" plot names --replication 3
holds 'plot: a replication that is not there' refused 2 'does not hold replication 3'
holds 'plot: the pictures are as before' says names/gantt.svg 'What each peer does: replication 2'
holds 'plot: no traces' no_traces .
rm names/gantt.*
head -1 "$data/names/tasks.csv" >names/tasks.csv
try "$program" plot names
holds 'plot after --tasks 0: exit status 0' test "$status" -eq 0
grep -q 'warning: The Gantt chart is not drawn: .*--tasks 0' err &&
    grep -q 'warning: Artifacts over time are not drawn: .*earlier' err && [ "$(wc -l <err)" -eq 2 ]
verdict 'plot after --tasks 0: says what is not drawn, and what is old' $?
holds 'plot after --tasks 0: draws the others' test "$(wc -l <out)" -eq 4
cp -r names only
rm only/*.svg only/*.png only/peers.csv only/summary.csv
try "$program" plot only
holds 'plot: nothing to draw' refused 2 'no data to draw'
mkdir empty
try "$program" plot empty
holds 'plot: no CSV files' refused 2 'holds no tasks.csv'
try "$program" plot nowhere
holds 'plot: no folder' refused 2 nowhere
try "$program" plot frame/tasks.csv
holds 'plot: a file' refused 2 'not a folder'
try "$program" plot
holds 'plot: no argument' refused 2 DIR
try "$program" plot frame --replication 0
holds 'plot: replication 0' refused 2 --replication
printf 'a,b\n1,2\n' >only/peers.csv
try "$program" plot only
holds 'plot: another kind of peers.csv' refused 2 'only: peers.csv has no column'
fresh "$odd/in" frame
try "$program" plot "$odd/in"
holds 'plot: an odd folder' test "$status$(wc -l <out)" = 08
fresh ./-d frame
try "$program" plot -- -d
holds 'plot: a folder like an option' test "$status$(wc -l <out)" = 08
try env TASK_DIRECTOR_PLOTS=nowhere "$program" plot frame
holds 'plot: no scripts where they are said to be' refused 2 TASK_DIRECTOR_PLOTS
mkdir -p installed/bin installed/share/task-director
cp "$program" installed/bin/task-director
cp -r "$root/plots" installed/share/task-director
try env -u TASK_DIRECTOR_PLOTS installed/bin/task-director plot frame
holds 'plot: installed' test "$status$(wc -l <out)" = 08
rm -r installed/share
try env -u TASK_DIRECTOR_PLOTS installed/bin/task-director plot frame
holds 'plot: half installed' refused 1 TASK_DIRECTOR_PLOTS

# --- a gnuplot that is missing, fails, lies, is interrupted -------------------------------------
mkdir fake
cp -r frame before
same() { diff -r "$1" "$2" >/dev/null; }
# Every picture gets a half first.
fake() {
    cat >fake/gnuplot <<END
#!/bin/sh
prefix=\$(printf '%s' "\$3" | sed "s/prefix = '\\([^']*\\)'.*/\\1/")
printf '<?xml' >"\${prefix}gantt.svg"
$1
END
    chmod +x fake/gnuplot
}
try env PATH=/nonexistent "$program" plot frame
holds 'plot: no gnuplot' refused 1 gnuplot-nox
fake 'echo "line 1: bad"; echo; exit 3'
try env PATH="$work/fake:$PATH" "$program" plot frame
holds 'plot: gnuplot fails' refused 1 'line 1: bad'
holds 'plot: gnuplot fails, and all is as before' same frame before
fake 'exit 0'
try env PATH="$work/fake:$PATH" "$program" plot frame
holds 'plot: half a picture' refused 1 'gantt.svg'
holds 'plot: half a picture, and all is as before' same frame before
# shellcheck disable=SC2016 # for the fake to expand
fake 'kill -KILL $$'
try env PATH="$work/fake:$PATH" "$program" plot frame
holds 'plot: gnuplot is killed' refused 1 'signal 9'
fake "echo >'$work/started'; exec sleep 600"
env PATH="$work/fake:$PATH" "$program" plot frame >out 2>err &
pid=$!
while [ ! -e started ] && kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
kill -TERM "$pid"
wait "$pid"
status=$?
holds 'plot: interrupted' refused 143 'no picture was written'
holds 'plot: interrupted, and all is as before' same frame before

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
