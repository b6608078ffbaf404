#!/bin/bash
# Runs the commands that documents show:
#     tools/doc-commands.sh [--ran COMMAND]... [--list] FILE.md...
#
# What is run: every line of a fenced ```sh block, and of a ```console block those that begin with
# `$ ` (a last backslash continues them, `> ` begins what continues). A block is one script, ended
# by its first command that fails; it starts in the root of a copy of the tree that all blocks
# share, with the built program first on PATH. More words after sh or console:
#     no-run      not run; the text around the block says why
#     status=N    the block's last command is meant to end with that exit status
# A line that equals a --ran COMMAND is left out: the caller has run it already.
# The last line is `N passed, N failed`, counting blocks.
set -eu
# shellcheck source=tools/files.sh
. "$(dirname "$0")/files.sh"

ran=() list=''
while [ $# -gt 0 ]; do
    case $1 in
    --ran) ran+=("$2") && shift 2 ;;
    --list) list=1 && shift ;;
    *) break ;;
    esac
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir "$tree" "$work/blocks"

# One file a block, NUMBER in the order of the documents: its place and its words on the first line.
awk -v dir="$work/blocks" '
    function script(line) { print line >out }
    FNR == 1 { inside = 0 }
    !inside && /^ *(```|~~~)/ {
        inside = 1
        info = $0
        sub(/^ */, "", info)
        fence = substr(info, 1, 3)
        sub(/^[`~]+ */, "", info)
        split(info, words, " ")
        kind = words[1]
        if (kind ~ /^(bash|shell)$/) kind = "sh"
        wanted = kind == "sh" || kind == "console"
        if (wanted) {
            out = sprintf("%s/%04d", dir, ++blocks)
            sub(/^[a-z]+ */, "", info)
            print FILENAME ":" FNR " " info >out
        }
        open = 0
        next
    }
    inside && index($0, fence) && $0 ~ /^ *(```|~~~)`*~* *$/ {
        if (wanted) close(out)
        inside = 0
        next
    }
    !inside || !wanted { next }
    kind == "sh" { script($0); next }
    # What a command printed is no command.
    /^\$ / { line = substr($0, 3); script(line); open = line ~ /\\$/; next }
    open { line = $0; sub(/^> /, "", line); script(line); open = line ~ /\\$/ }
' "$@"

if [ -n "$list" ]; then
    for block in "$work"/blocks/*; do
        if [ -e "$block" ]; then cat "$block" && echo; fi
    done
    exit
fi

# The copy: the project's files and what is built of them, with their times, so that make finds all
# up to date.
files '*' | tar -cf - -T - | tar -xf - -C "$tree"
if [ -d build ]; then
    tar -cf - --exclude=build/{asan,tsan,valgrind,lint,demo,demo-live} build | tar -xf - -C "$tree"
fi
export PATH="$tree/build:$PATH"

passed=0 failed=0
for block in "$work"/blocks/*; do
    [ -e "$block" ] || continue
    read -r place info <"$block"
    want=0
    case " $info " in
    *" no-run "*)
        echo "left $place: marked no-run"
        continue
        ;;
    *" status="*) want=${info##*status=} && want=${want%% *} ;;
    esac
    {
        echo 'set -e'
        tail -n +2 "$block" | while IFS= read -r line; do
            for command in "${ran[@]}"; do
                [ "$line" != "$command" ] || line=": $line # has been run"
            done
            printf '%s\n' "$line"
        done
    } >"$block.sh"
    status=0
    (cd "$tree" && timeout -k 5 "${DOC_TIMEOUT:-600}" bash "$block.sh") \
        >"$work/out" 2>&1 </dev/null || status=$?
    if [ "$status" = "$want" ]; then
        passed=$((passed + 1))
        echo "ok   $place"
    else
        failed=$((failed + 1))
        echo "FAIL $place: exit status $status, expected $want; the commands and what they printed:"
        sed 's/^/    $ /' <(tail -n +2 "$block")
        sed 's/^/    /' "$work/out"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
