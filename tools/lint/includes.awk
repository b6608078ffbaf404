# Reads the table of tools/lint/includes.txt, then C files; prints the includes that cross it.
BEGIN {
    pure = " assert.h errno.h float.h inttypes.h limits.h stdalign.h stdarg.h stdbool.h stddef.h" \
        " stdint.h stdlib.h stdnoreturn.h string.h "
    # The libraries, by the first part of their headers' names.
    split("cjson gsl Random123 libwebsockets.h openssl sqlite3.h uthash.h utlist.h zlib.h" \
        " cmocka.h", names)
    for (i in names) library[names[i]] = 1
}

function say(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    found = 1
}

function trim(text) {
    gsub(/^[ \t]+|[ \t]+$/, "", text)
    return text
}

# True if the list of patterns, separated by spaces, holds the path.
function listed(list, path, patterns, n, i) {
    n = split(list, patterns, " ")
    for (i = 1; i <= n; i++) {
        if (patterns[i] == path) return 1
        if (patterns[i] ~ /\/\*$/ &&
            index(path, substr(patterns[i], 1, length(patterns[i]) - 1)) == 1) return 1
    }
    return 0
}

FILENAME ~ /includes\.txt$/ {
    if (/^#/ || NF == 0) next
    split($0, columns, ":")
    own[trim(columns[1])] = columns[2]
    foreign[trim(columns[1])] = columns[3]
    next
}

FNR == 1 {
    room = FILENAME
    if (!sub(/\/[^\/]*$/, "", room)) room = "."
    tested = room
    is_test = sub(/^tests\//, "", tested)
    key = FILENAME in own ? FILENAME : room in own ? room : tested
    if (!(key in own)) say("no row for " room "/ in tools/lint/includes.txt: move it or add one")
}

/^[ \t]*#[ \t]*include[ \t]*"/ && (key in own) {
    split($0, parts, "\"")
    path = parts[2]
    if (path !~ /\// && room ~ /^(tests\/|bench$)/) {
        # A helper beside the test, known to nobody else.
    } else if (path !~ /\//) {
        say("\"" path "\": write it from the root of the tree, as \"" room "/" path "\"")
    } else if (!listed(own[key], path) && !(is_test && listed(room "/* tests/support/*", path))) {
        say(room "/ may not include \"" path "\": see tools/lint/includes.txt for what it may, " \
            "and move what it needs to a room that both may know")
    } else if (path ~ /_internal\.h$/) {
        owner = path
        sub(/\/.*/, "", owner)
        if (owner != tested && room !~ /^(bench|fuzz)$/) {
            say("\"" path "\" is for " owner "/ alone: use its public header")
        }
    }
}

/^[ \t]*#[ \t]*include[ \t]*</ && (key in own) {
    path = $0
    sub(/^[^<]*</, "", path)
    sub(/>.*/, "", path)
    first = path
    sub(/\/.*/, "", first)
    if (first in library) {
        if (!listed(foreign[key], first) && !(is_test && first == "cmocka.h")) {
            say(room "/ may not include <" path ">: tools/lint/includes.txt has the rooms that may")
        }
    } else if (!is_test && listed(foreign[key], "pure") && index(pure, " " path " ") == 0 &&
               !listed(foreign[key], path)) {
        say(room "/ may not include <" path ">: it has no clock, I/O, threads or randomness; " \
            "take what you need as an argument or an event")
    }
}

END {
    exit found
}
