#!/bin/bash
# No file is dead: every C file is built, every header is included, and of every object somebody
# else uses something (nm on the plain objects in $BUILD).
set -eu
# shellcheck source=tools/files.sh
. "$(dirname "$0")/../files.sh"
build=${BUILD:-build/lint}
found=0

mapfile -t sources < <(files '*.c' '*.h')
for source in "${sources[@]}"; do
    case $source in
    *.h)
        spelling=$source
        # A helper of tests goes by its name alone.
        case $source in tests/* | bench/*) spelling="($source|${source##*/})" ;; esac
        # Its own .c file does not count.
        grep -lE "^[[:space:]]*#[[:space:]]*include[[:space:]]+\"$spelling\"" "${sources[@]}" |
            grep -vxF -e "$source" -e "${source%.h}.c" | grep -q . || {
            echo "$source: nobody includes it: remove it, or move it into its .c file"
            found=1
        }
        ;;
    *.c)
        [ -e "$build/${source%.c}.o" ] || {
            echo "$source: in no folder that the Makefile builds: move or remove it"
            found=1
        }
        ;;
    esac
done

mapfile -t objects < <(for source in "${sources[@]}"; do
    case $source in *.c) [ ! -e "$build/${source%.c}.o" ] || echo "$build/${source%.c}.o" ;; esac
done)
[ ${#objects[@]} -gt 0 ] || exit $found
nm -A -g "${objects[@]}" | awk -v build="$build/" '
    { object = $1; sub(/:.*/, "", object); name = $NF; type = $(NF - 1) }
    type == "U" { used[name] = 1 }
    type != "U" { defined[object] = defined[object] " " name }
    END {
        for (object in defined) {
            n = split(defined[object], names, " ")
            alive = 0
            for (i = 1; i <= n; i++) {
                # What the system starts, what the loader of policies looks up by its name, and
                # what libFuzzer calls.
                if (names[i] == "main" || names[i] == "td_policy" || names[i] in used ||
                    names[i] == "LLVMFuzzerTestOneInput") alive = 1
            }
            if (alive) continue
            sub(/\.o$/, ".c", object)
            sub(build, "", object)
            print object ": no other file uses anything of it: remove it"
            found = 1
        }
        exit found
    }' || found=1
exit $found
