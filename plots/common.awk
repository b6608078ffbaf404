# What the awk programs behind the pictures share: reading the CSV files of a run, and writing
# gnuplot commands and data that no name in them can break out of. Any POSIX awk runs it, in the C
# locale (lengths are bytes here). Every program prints either
#
#     absent = '...'     one sentence: why there is nothing to draw, or
#     trouble = '...'    one sentence: what is wrong with the files, or
#     ... ready = 1      the data, complete
#
# and common.gp acts on it.

BEGIN {
    CONVFMT = "%.17g" # numbers that differ are different keys
}

# --- CSV (RFC 4180) -------------------------------------------------------------------------------

# Reads the header line: column[name] is then the place of each column. 0: no such file, or empty.
function open_csv(file,   i) {
    FS = ","
    split("", column)
    carriage[file] = 0
    if (!next_row(file)) return 0
    if (substr($0, 1, 3) == "\357\273\277") $0 = substr($0, 4) # a byte order mark
    if (substr($0, length($0)) == "\r") {
        carriage[file] = 1
        $0 = substr($0, 1, length($0) - 1)
    }
    for (i = 1; i <= NF; i++) column[$i] = i
    return 1
}

# Why open_csv() could not.
function no_file(file) {
    return read_status < 0 ? "there is no " file "." : file " is empty."
}

# The place of a column; a file without it is none of ours.
function need(file, name) {
    if (!(name in column)) trouble(file " has no column " name ": it is not a file of a run.")
    return column[name]
}

# The next row, in $1, $2 and so on; commas inside a field are \001 until plain() or quoted().
function next_row(file) {
    read_status = (getline < file)
    if (read_status <= 0) return 0
    if (carriage[file] && substr($0, length($0)) == "\r") $0 = substr($0, 1, length($0) - 1)
    if (index($0, "\"")) unquote(file)
    return 1
}

function unquote(file,   line, more, part, n, i, text) {
    line = $0
    n = split(line, part, "\"")
    while (n % 2 == 0 && (getline more < file) > 0) { # a line feed inside quotes
        line = line "\n" more
        n = split(line, part, "\"")
    }
    text = part[1]
    for (i = 2; i <= n; i++) {
        if (i % 2 == 0) gsub(/,/, "\001", part[i])
        else if (part[i] == "" && i < n) part[i] = "\"" # two quotes in a row stand for one
        text = text part[i]
    }
    $0 = text
}

function plain(text) {
    gsub(/\001/, ",", text)
    return text
}

# --- gnuplot commands -----------------------------------------------------------------------------

# A string constant. Inside single quotes gnuplot knows no escape but the doubled quote.
function quoted(text) {
    text = plain(text)
    gsub(/[\001-\037\177]/, " ", text)
    gsub(/'/, "''", text)
    return "'" text "'"
}

function absent(sentence) {
    print "absent = " quoted(sentence)
    exit
}

function trouble(sentence) {
    print "trouble = " quoted(sentence)
    exit
}

# --- text -----------------------------------------------------------------------------------------

# How many letters wide a UTF-8 text is; East Asian ones count twice.
function width(text) {
    text = plain(text)
    gsub(/[\200-\277]/, "", text)
    gsub(/[\343-\355]/, "&&", text)
    return length(text)
}

# At most `limit` letters, the middle left out: names tend to differ at their ends.
function shortened(text, limit,   n, i, letter, head) {
    text = plain(text)
    if (width(text) <= limit) return text
    n = 0
    for (i = 1; i <= length(text); i++) {
        if (substr(text, i, 1) ~ /[\200-\277]/) letter[n] = letter[n] substr(text, i, 1)
        else letter[++n] = substr(text, i, 1)
    }
    text = ""
    if (n > limit) n = drop_middle(letter, n, limit)
    for (i = 1; i <= n; i++) text = text letter[i]
    return text
}

function drop_middle(letter, n, limit,   head, tail, i) {
    head = int(limit / 2)
    tail = limit - head - 1
    letter[head + 1] = "\342\200\246"
    for (i = 1; i <= tail; i++) letter[head + 1 + i] = letter[n - tail + i]
    return limit
}

# 20000 is 20,000.
function grouped(n,   text) {
    text = sprintf("%d", n)
    while (match(text, /^[0-9][0-9][0-9][0-9]+/))
        text = substr(text, 1, RLENGTH - 3) "," substr(text, RLENGTH - 2)
    return text
}

# 1600 is 26 min 40 s.
function duration(s,   whole) {
    if (s < 120) return sprintf("%.3g s", s)
    whole = int(s + 0.5)
    if (whole < 3 * 3600) return int(whole / 60) " min" (whole % 60 ? " " whole % 60 " s" : "")
    whole = int(s / 60 + 0.5)
    if (whole < 96 * 60) return int(whole / 60) " h" (whole % 60 ? " " whole % 60 " min" : "")
    whole = int(s / 3600 + 0.5)
    return int(whole / 24) " d" (whole % 24 ? " " whole % 24 " h" : "")
}

# The unit that suits an axis of that many seconds, as two gnuplot variables. Sets unit
# and unit_s here, too.
function print_unit(name, range) {
    if (range <= 240) { unit = "s"; unit_s = 1 }
    else if (range <= 4 * 3600) { unit = "min"; unit_s = 60 }
    else if (range <= 240 * 3600) { unit = "h"; unit_s = 3600 }
    else { unit = "d"; unit_s = 86400 }
    printf "%s = '%s'; %s_s = %d.0\n", name, unit, name, unit_s
}

# A round distance between the tics of an axis of that length (in that unit), for at most so many.
function tic_step(range, unit, most,   n, i, step, list) {
    if (range <= 0) return 1
    list = unit == "min" ? "0.5 1 2 5 10 20 30 60" : unit == "h" ? "0.5 1 2 3 6 12 24 48" : ""
    n = split(list, step, " ")
    for (i = 1; i <= n; i++) if (range / step[i] <= most) return step[i]
    for (i = 1; i > range / most; i /= 10) continue
    while (1) {
        if (range / i <= most) return i
        if (range / i / 2 <= most) return i * 2
        if (range / i / 5 <= most) return i * 5
        i *= 10
    }
}

# --- the policies, in the order of the file -------------------------------------------------------

function policy_index(name) {
    if (!(name in policy_of)) {
        policy_of[name] = ++policies
        policy_name[policies] = name
    }
    return policy_of[name]
}

# An array of strings for gnuplot, one a policy: text[1..policies].
function print_strings(name, text,   i) {
    printf "array %s[%d]\n", name, policies
    for (i = 1; i <= policies; i++) printf "%s[%d] = %s\n", name, i, quoted(text[i])
}

# --- counting how many values are at or below x, for each policy ----------------------------------
# Exact while few values differ; then on a grid of 2,000 to 4,000 cells, each of which counts at its
# upper end: finer than the picture, and memory does not grow with the file.

function tally(p, text,   key) {
    if (text + 0 > tally_max) tally_max = text + 0
    key = p SUBSEP (tally_grain ? tally_cell(text + 0) : text)
    if (!(key in tally_count)) tally_keys++
    tally_count[key]++
    if (tally_keys > 4000 * policies) tally_coarsen()
}

function tally_cell(value,   cell) {
    cell = int(value / tally_grain)
    return cell * tally_grain < value ? cell + 1 : cell
}

function tally_coarsen(   key, part, old, count) {
    old = tally_grain
    for (key in tally_count) count[key] = tally_count[key]
    split("", tally_count)
    tally_keys = 0
    tally_grain = old ? 2 * old : tally_max / 2000
    for (key in count) {
        split(key, part, SUBSEP)
        part[2] = part[1] SUBSEP tally_cell(old ? part[2] * old : part[2] + 0)
        if (!(part[2] in tally_count)) tally_keys++
        tally_count[part[2]] += count[key]
    }
}

# The curves as one data block, an index for each policy (from 0): x in units of unit_s and the
# count at or below x, divided by share[p]. Each starts at (first, 0) and ends at x = last.
function print_curves(block, first, last, share,   key, part, n, p, i, value, count, sum) {
    for (key in tally_count) {
        split(key, part, SUBSEP)
        p = part[1]
        value[p, ++n[p]] = tally_grain ? part[2] * tally_grain : part[2] + 0
        count[p, value[p, n[p]]] += tally_count[key]
    }
    print block " << END_OF_CURVES"
    for (p = 1; p <= policies; p++) {
        sort_values(value, p, n[p])
        sum = 0
        printf "%.9g 0\n", first / unit_s
        for (i = 1; i <= n[p]; i++) {
            if (i > 1 && value[p, i] == value[p, i - 1]) continue
            sum += count[p, value[p, i]]
            printf "%.9g %.9g\n", value[p, i] / unit_s, sum / share[p]
        }
        printf "%.9g %.9g\n\n\n", last / unit_s, sum / share[p]
    }
    print "END_OF_CURVES"
}

# value[p, 1..n] in ascending order (Shell's sort: awk has none of its own).
function sort_values(value, p, n,   gap, i, j, x) {
    for (gap = int(n / 2); gap > 0; gap = gap == 2 ? 1 : int(gap / 2.2))
        for (i = gap + 1; i <= n; i++) {
            x = value[p, i]
            for (j = i; j > gap && value[p, j - gap] > x; j -= gap) value[p, j] = value[p, j - gap]
            value[p, j] = x
        }
}
