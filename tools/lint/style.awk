# Prints what breaks the style, file by file. Bytes, not characters (LC_ALL=C).
BEGIN {
    # The call, and what to use in its place.
    banned["strcpy"] = banned["strcat"] = banned["stpcpy"] = banned["strncpy"] = \
        banned["strncat"] = "snprintf, or memcpy with a known length"
    banned["sprintf"] = banned["vsprintf"] = "snprintf"
    banned["gets"] = "fgets or getline"
    banned["strtok"] = "strtok_r, or strcspn and strspn"
    banned["atoi"] = banned["atol"] = banned["atof"] = "strtol and its like, and check them"
    banned["rand"] = banned["srand"] = banned["random"] = banned["srandom"] = banned["drand48"] = \
        "workload/sampler.h"
    banned["system"] = banned["popen"] = "fork and exec, without a shell"
    banned["alloca"] = "an arena or malloc"
    # To these rooms time comes with the events.
    timeless = "^(engine|policies|sim)/"
    split("time clock gettimeofday clock_gettime timespec_get sleep usleep nanosleep", names, " ")
    for (i in names) clock[names[i]] = 1
    # In two parts, or the check would find itself.
    notes = "(^|[^A-Za-z0-9_])(TO" "DO|FIX" "ME|XX" "X)($|[^A-Za-z0-9_])"
    max_lines = 800
    max_test_lines = 1500
}

function say(line, text) {
    printf "%s:%d: %s\n", file, line, text
    found = 1
}

function ended() {
    if (file == "" || !is_code) return
    if (lines > (file ~ /^tests\// ? max_test_lines : max_lines)) {
        say(lines, lines " lines: a file has one subject and seldom over 500 lines; split it")
    }
}

# The line without comments and what stands in quotes; `inside` says whether a comment goes on.
function code(line, out, c, two, quote, i) {
    out = ""
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        two = substr(line, i, 2)
        if (inside) {
            if (two == "*/") { inside = 0; i++ }
        } else if (quote != "") {
            if (c == "\\") i++
            else if (c == quote) { quote = ""; out = out c }
        } else if (two == "/*") { inside = 1; i++ }
        else if (two == "//") break
        else {
            if (c == "\"" || c == "\047") quote = c
            out = out c
        }
    }
    return out
}

FNR == 1 {
    ended()
    file = FILENAME
    inside = 0
    is_c = file ~ /\.[ch]$/
    is_code = is_c || file ~ /\.(sh|py|awk|gp|gnuplot)$/ || file ~ /(^|\/)Makefile$/
}

{
    lines = FNR
    if (/[ \t\r]$/) say(FNR, "blanks at the end of the line: remove them")
    if ($0 ~ notes) say(FNR, "a note to oneself: do it, or file an issue")
    if (is_code) {
        columns = $0
        gsub(/[\200-\277]/, "", columns)
        if (length(columns) > 100) say(FNR, length(columns) " columns: at most 100")
    }
}

is_c {
    if (/\t/) say(FNR, "a tab: indent with four spaces (make format)")
    rest = code($0)
    while (match(rest, /[A-Za-z_][A-Za-z0-9_]*[ ]*\(/)) {
        name = substr(rest, RSTART, RLENGTH - 1)
        # A member that is called has what name it likes.
        member = substr(rest, 1, RSTART - 1) ~ /(\.|->)$/
        rest = substr(rest, RSTART + RLENGTH)
        sub(/ +$/, "", name)
        if (member) continue
        if (name in banned) say(FNR, name "() is banned: use " banned[name])
        # The simulator looks at the machine's clock to pace the progress bar, and for nothing else.
        if (file ~ /^sim\// && name == "clock_gettime") continue
        if (file ~ timeless && name in clock) {
            say(FNR, name "() is banned here: time comes in with the events")
        }
    }
}

END {
    ended()
    exit found
}
