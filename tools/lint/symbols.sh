#!/bin/bash
# The engine and the policies have no clock, I/O, threads, randomness or global state: nm proves it
# on their objects (plain ones, not of link-time optimization, in $BUILD).
set -eu
build=${BUILD:-build/lint}

objects=()
for room in engine policies; do
    for source in "$room"/*.c; do
        [ ! -e "$source" ] || objects+=("$build/${source%.c}.o")
    done
done
if [ ${#objects[@]} = 0 ]; then exit 0; fi
for object in "${objects[@]}"; do
    [ -e "$object" ] || {
        echo "$object: not built: run make lint"
        exit 1
    }
done

# What base, the engine and the policies define themselves may be used.
defined=$(find "$build/base" "${objects[@]}" -name '*.o' -exec nm -g --defined-only {} + |
    awk 'NF == 3 { print $3 }')

nm -A "${objects[@]}" | awk -v defined="$defined" -v build="$build/" '
    BEGIN {
        n = split(defined, names, "\n")
        for (i = 1; i <= n; i++) allowed[names[i]] = 1
        # Of libc, what is a function of its arguments, and memory.
        n = split("memcpy memset memmove memcmp memchr strlen strcmp strncmp malloc calloc " \
            "realloc free aligned_alloc qsort bsearch abort __stack_chk_fail", names, " ")
        for (i = 1; i <= n; i++) allowed[names[i]] = 1
        # The loader opens shared objects, having looked at the file, and nothing else does.
        n = split("dlopen dlsym dlerror dlclose open fstat pread close", names, " ")
        for (i = 1; i <= n; i++) loading[names[i]] = 1
    }
    {
        place = $1
        sub(/:.*/, "", place)
        sub(/\.o$/, ".c", place)
        sub(build, "", place)
        name = $NF
        type = $(NF - 1)
    }
    # Arithmetic that the compiler calls and does not inline: __popcountdi2, __divti3.
    name ~ /^__[a-z]+[sdt]i[2-4]$/ { next }
    place == "policies/loader.c" && name in loading { next }
    type ~ /^[UwvV]$/ && !(name in allowed) {
        print place ": uses " name "(): not for the engine and the policies, which have no " \
            "clock, I/O, threads or randomness; take it as an argument or an event"
        found = 1
    }
    type ~ /^[BbDdCGgSs]$/ {
        print place ": " name " is global state: make it const, or a part of the engine or the view"
        found = 1
    }
    END { exit found }'
