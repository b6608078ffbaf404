# The Gantt chart's data. Reads peers.csv (the order of the peers; without it, the order in which
# tasks.csv names them), tasks.csv (once, from front to back) and runs.csv (makespans; may be
# missing). Lengths are in pixels, times in seconds.

BEGIN {
    MAX_ROWS = 300       # rows that are read for each policy
    MAX_ALL_ROWS = 3000  # rows that are drawn for all policies together
    MAX_PIECES = 400000  # pieces that are drawn, about; four times as many in the worst case
    PICTURE_WIDTH = 1280
    HEADER = 26          # above each policy's rows
    GAP = 12             # below them
    LETTER = 6.4         # what a letter of a row's name takes

    split("build,build of the rest,duplicate build,fetch,overhead,wait,failed,aborted", \
        class_name, ",")
    CLASSES = 8
    FAILED = 7           # this class and those behind it are drawn however short they are

    read_peers()
    read_tasks()
    if (!tasks) absent("The Gantt chart is not drawn: no interval takes any time.")
    read_makespans()
    lay_out()
    for (i = 1; i <= tasks; i++)
        if (start[i] < t_high)
            feed(line[i], start[i], end[i] < t_high ? end[i] : t_high, class[i], step[i])
    for (i in chunk_end) flush(i)
    if (!pieces) absent("The Gantt chart is not drawn: nothing happens before " until " s.")
    print_all()
    print "ready = 1"
}

function class_of(kind, step, outcome) {
    if (outcome == "failed") return 7
    if (kind == "wait") return 6
    if (outcome == "aborted") return 8
    if (kind == "overhead") return 5
    if (kind == "fetch") return 4
    if (outcome == "duplicate") return 3
    return step == "universe" ? 2 : 1
}

# --- reading --------------------------------------------------------------------------------------

function read_peers(   file, c_policy, c_replication, c_peer, wanted, first) {
    file = "peers.csv"
    if (open_csv(file)) {
        c_policy = need(file, "policy")
        c_replication = need(file, "replication")
        c_peer = need(file, "peer")
        wanted = replication
        while (next_row(file)) {
            if (wanted == "") wanted = $c_replication
            if ($c_replication != wanted) continue
            if (first == "") first = $c_policy
            if ($c_policy != first) break
            add_peer($c_peer)
        }
        close(file)
    }
    if (peers) return
    file = "tasks.csv"
    if (!open_csv(file)) return
    c_peer = need(file, "peer")
    while (next_row(file)) add_peer($c_peer)
    close(file)
}

function add_peer(name) {
    if (!(name in place)) place[name] = peers++
}

function read_tasks(   file, c_policy, c_replication, c_peer, c_step, c_kind, c_start, c_end, \
                       c_outcome, c_scenario, c_mode, read) {
    file = "tasks.csv"
    if (!open_csv(file)) absent("The Gantt chart is not drawn: " no_file(file))
    c_policy = need(file, "policy"); c_replication = need(file, "replication")
    c_peer = need(file, "peer"); c_step = need(file, "step"); c_kind = need(file, "kind")
    c_start = need(file, "start_s"); c_end = need(file, "end_s"); c_outcome = need(file, "outcome")
    c_scenario = need(file, "scenario"); c_mode = need(file, "mode")
    stride = ceiling(peers / MAX_ROWS)
    while (next_row(file)) {
        if (replication == "") replication = $c_replication
        if ($c_replication != replication) {
            other = $c_replication
            continue
        }
        if (!read++) {
            scenario = $c_scenario
            mode = $c_mode
            t_low = $c_start + 0
        }
        if ($c_start + 0 < t_low) t_low = $c_start + 0
        if ($c_end + 0 > t_high) t_high = $c_end + 0
        keep(policy_index($c_policy), $c_peer, $c_start + 0, $c_end + 0,
             class_of($c_kind, $c_step, $c_outcome), $c_step)
    }
    close(file)
    if (!read && other == "")
        absent("The Gantt chart is not drawn: tasks.csv holds no intervals (--tasks 0?).")
    if (!read)
        trouble("tasks.csv does not hold replication " replication ".")
}

# Notes an interval if its peer is one of every `stride` peers.
function keep(p, peer, from, to, c, text,   row) {
    add_peer(peer)
    row = place[peer]
    if (row % stride || from >= to) return
    row /= stride
    if (row >= MAX_ROWS) return # of a peer that peers.csv does not know
    if (row >= rows) rows = row + 1
    row_name[row] = peer
    tasks++
    start[tasks] = from
    end[tasks] = to
    class[tasks] = c
    step[tasks] = text
    line[tasks] = (p - 1) * MAX_ROWS + row
}

function read_makespans(   file, c_policy, c_replication, c_makespan) {
    file = "runs.csv"
    if (!open_csv(file)) return
    c_policy = need(file, "policy")
    c_replication = need(file, "replication")
    c_makespan = need(file, "makespan_s")
    while (next_row(file))
        if ($c_replication == replication) makespan[$c_policy] = $c_makespan
    close(file)
}

# --- layout ---------------------------------------------------------------------------------------

function ceiling(x) {
    return x > int(x) ? int(x) + 1 : int(x)
}

# Settles the rows that are drawn and how thick they are, the margins and the scale.
function lay_out(   drawn, row, w) {
    every = ceiling(rows * policies / MAX_ALL_ROWS) # more than ten policies: fewer rows for each
    if (every < 1) every = 1
    drawn = ceiling(rows / every)
    bar = int(1200 / (drawn * policies))
    if (bar > 26) bar = 26
    if (bar < 1) bar = 1
    panel = HEADER + drawn * bar
    left = 0
    for (row = 0; row < rows; row += every) {
        row_label[row] = shortened(row_name[row], 26)
        w = width(row_label[row])
        if (w > left) left = w
    }
    left = int(left * LETTER) + 24
    plot_width = PICTURE_WIDTH - left - 40
    if (t_low < 0.3 * t_high) t_low = 0
    if (until != "" && until + 0 < t_high) {
        t_high = until + 0
        cut = 1
    }
    span = t_high - t_low
    if (span <= 0) span = 1
    pixel = span / plot_width
    cell = MAX_PIECES / (drawn * policies)
    cell = cell > 2 * plot_width ? pixel / 2 : span / cell
}

# The middle of a row, down from the top of the chart.
function row_y(p, row) {
    return (p - 1) * (panel + GAP) + HEADER + (row / every + 0.5) * bar
}

# --- from intervals to pieces ---------------------------------------------------------------------
# Intervals shorter than a cell are gathered into chunks of about a cell, which take the colour of
# the kind that fills most of them; so a picture has a bounded number of pieces. Longer ones are
# exact.

function feed(l, from, to, c, text) {
    if ((l % MAX_ROWS) % every) return
    if (to - from >= cell || (c >= FAILED && special++ < 20000)) {
        flush(l)
        piece(l, from, to, c, text)
        return
    }
    if (l in chunk_end && from - chunk_end[l] > cell) flush(l)
    if (!(l in chunk_end)) {
        chunk_start[l] = from
        chunk_most[l] = 0
    }
    chunk_end[l] = to
    if ((chunk_share[l, c] += to - from) > chunk_most[l]) {
        chunk_most[l] = chunk_share[l, c]
        chunk_class[l] = c
    }
    if (to - chunk_start[l] >= cell) flush(l)
}

function flush(l,   c) {
    if (!(l in chunk_end)) return
    piece(l, chunk_start[l], chunk_end[l], chunk_class[l], "")
    for (c = 1; c <= CLASSES; c++) delete chunk_share[l, c]
    delete chunk_end[l]
}

# Neighbours of one colour become one piece where rows are too thin to show them apart.
function piece(l, from, to, c, text,   last) {
    last = last_piece[l]
    if (last && piece_class[last] == c && from - piece_end[last] < pixel / 4 &&
        (bar < 6 || to - from < 3 * pixel && piece_end[last] - piece_start[last] < 3 * pixel)) {
        piece_end[last] = to
        return
    }
    pieces++
    last_piece[l] = pieces
    piece_line[pieces] = l
    piece_start[pieces] = from
    piece_end[pieces] = to
    piece_class[pieces] = c
    piece_text[pieces] = text
    class_used[c] = 1
}

# --- printing -------------------------------------------------------------------------------------

function print_all(   i, c, present) {
    print_unit("unit", span)
    printf "picture_width = %d; left = %d; plot_width = %d; plot_height = %d; bar = %d\n",
        PICTURE_WIDTH, left, plot_width, policies * (panel + GAP) - GAP, bar
    printf "t_low = %.9g; t_high = %.9g\n", t_low / unit_s, (t_low + span) / unit_s
    print "title = " quoted(shortened(scenario, 110))
    print "subtitle = " quoted(subtitle())
    print_headers()
    print_row_names()
    print_grid()
    print "$pieces << END_OF_PIECES"
    for (c = 1; c <= CLASSES; c++) {
        if (!class_used[c]) continue
        present = present (present == "" ? "" : " ") c
        for (i = 1; i <= pieces; i++) if (piece_class[i] == c) print_piece(i)
        printf "\n\n"
    }
    print "END_OF_PIECES"
    print "classes = '" present "'"
    printf "array class_name[%d]\n", CLASSES
    for (c = 1; c <= CLASSES; c++) printf "class_name[%d] = '%s'\n", c, class_name[c]
    if (bar >= 13) for (i = 1; i <= pieces; i++) print_step(i)
}

function subtitle(   text) {
    text = "What each peer does: replication " replication " of the " mode " run"
    if (stride * every > 1)
        text = text "; of its " grouped(peers) " peers, every " ordinal(stride * every) " is drawn"
    if (cut) text = text "; cut at " duration(until)
    return text
}

function ordinal(n) {
    if (n % 100 >= 11 && n % 100 <= 13) return n "th"
    return n (n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th")
}

# Each policy's ground, its name and its makespan.
function print_headers(   p, y, text) {
    for (p = 1; p <= policies; p++) {
        y = (p - 1) * (panel + GAP)
        text = shortened(policy_name[p], 80)
        if (makespan[policy_name[p]] != "")
            text = text " \342\200\223 makespan " duration(makespan[policy_name[p]])
        printf "set object rectangle from graph 0, first %d to graph 1, first %d behind %s\n",
            y + HEADER, y + panel, "fillcolor rgb '#F4F4F4' fillstyle solid noborder"
        printf "set label %s at graph 0, first %.1f left front\n", quoted(text), y + HEADER / 2
    }
}

# A line at each tic through each policy's rows.
function print_grid(   distance, t, p) {
    distance = tic_step(span / unit_s, unit, 12)
    printf "tic_step = %.9g\n", distance
    print "$grid << END_OF_GRID"
    t = (int(t_low / unit_s / distance) + 1) * distance
    for (; t < (t_low + span) / unit_s; t += distance)
        for (p = 1; p <= policies; p++)
            printf "%.9g %d %d\n", t, (p - 1) * (panel + GAP) + HEADER, panel - HEADER
    print "END_OF_GRID"
}

# The names of so many rows that they do not touch.
function print_row_names(   p, row, skip) {
    skip = 1
    while (skip * bar < 13) skip = substr(skip, 1, 1) == "2" ? skip * 2.5 : skip * 2
    for (p = 1; p <= policies; p++)
        for (row = 0; row < rows; row += every * skip)
            printf "set label %s at graph 0, first %.1f right %s\n", quoted(row_label[row]),
                row_y(p, row), "offset character -0.8, 0 font ',10'"
}

# Time, place, length: neighbours are kept a pixel apart where there is room.
function print_piece(i,   length_) {
    length_ = piece_end[i] - piece_start[i]
    if (bar >= 6 && length_ >= 4 * pixel) length_ -= pixel
    else if (length_ < pixel && piece_class[i] >= FAILED) length_ = pixel
    printf "%.9g %.1f %.9g\n", piece_start[i] / unit_s,
        row_y(int(piece_line[i] / MAX_ROWS) + 1, piece_line[i] % MAX_ROWS), length_ / unit_s
}

# The step's name in its piece, where it fits.
function print_step(i,   text, c) {
    c = piece_class[i]
    if (piece_text[i] == "" || c == 6) return
    text = piece_text[i]
    if (width(text) * 6 + 5 > (piece_end[i] - piece_start[i]) / pixel) return
    printf "set label %s at first %.9g, first %.1f center front font ',10' textcolor rgb '%s'\n",
        quoted(text), (piece_start[i] + piece_end[i]) / 2 / unit_s,
        row_y(int(piece_line[i] / MAX_ROWS) + 1, piece_line[i] % MAX_ROWS),
        (c == 4 || c == 8) ? "black" : "white"
}
