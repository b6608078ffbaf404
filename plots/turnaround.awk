# The data of the turnaround's distribution, from peers.csv: all replications together.

BEGIN {
    read_turnarounds()
    for (p = 1; p <= policies; p++) {
        share[p] = completed[p] ? completed[p] / 100 : 1
        label[p] = shortened(policy_name[p], 36)
        longest = width(label[p]) > longest ? width(label[p]) : longest
        if (completed[p] < peers[p])
            note[p] = grouped(completed[p]) " of " grouped(peers[p]) " completed"
        longest = width(note[p]) > longest ? width(note[p]) : longest
    }
    choose_axis()
    printf "policies = %d; legend = %d\n", policies, longest * 7 + 60
    print "title = " quoted(shortened(scenario, 95))
    print "subtitle = " quoted("Turnaround of the peers that completed: " mode " run, " \
        (replications == 1 ? "one replication" : grouped(replications) " replications together"))
    print_strings("policy", label)
    print_strings("note", note)
    print_curves("$curves", first, last, share)
    print "ready = 1"
}

function read_turnarounds(   file, c_policy, c_replication, c_turnaround, c_outcome, p) {
    file = "peers.csv"
    if (!open_csv(file)) absent("The turnaround's distribution is not drawn: " no_file(file))
    c_policy = need(file, "policy"); c_replication = need(file, "replication")
    c_turnaround = need(file, "turnaround_s"); c_outcome = need(file, "outcome")
    while (next_row(file)) {
        if (!policies) {
            scenario = $need(file, "scenario")
            mode = $need(file, "mode")
        }
        p = policy_index($c_policy)
        peers[p]++
        if (!($c_replication in known)) {
            known[$c_replication] = 1
            replications++
        }
        if ($c_outcome != "ok" || $c_turnaround == "") continue
        if (!all++ || $c_turnaround + 0 < smallest) smallest = $c_turnaround + 0
        completed[p]++
        sum[p] += $c_turnaround
        tally(p, $c_turnaround)
    }
    if (!policies) absent("The turnaround's distribution is not drawn: peers.csv holds no peers.")
    if (!all) absent("The turnaround's distribution is not drawn: no peer completed.")
}

# Logarithmic if policies differ tenfold in the mean: on a linear axis, only the slowest could be
# read.
function choose_axis(   p, mean, low, high) {
    for (p = 1; p <= policies; p++) {
        if (!completed[p]) continue
        mean = sum[p] / completed[p]
        if (!low || mean < low) low = mean
        if (mean > high) high = mean
    }
    first = 0
    last = tally_max > 0 ? 1.03 * tally_max : 1
    logarithmic = smallest > 0 && high > 10 * low
    printf "logarithmic = %d\n", logarithmic
    if (logarithmic) {
        first = smallest / 1.2
        last = tally_max * 1.2
        unit_s = 1
        print "unit = ''"
        print_log_tics()
    } else {
        print_unit("unit", last)
        printf "set xtics %.9g\n", tic_step(last / unit_s, unit, 12)
    }
    printf "first = %.9g; last = %.9g\n", first / unit_s, last / unit_s
}

function print_log_tics(   n, i, part, list) {
    n = split("0.001=1 ms,0.01=10 ms,0.1=100 ms,1=1 s,3=3 s,10=10 s,30=30 s,60=1 min,180=3 min," \
        "600=10 min,1800=30 min,3600=1 h,10800=3 h,36000=10 h,86400=1 d,259200=3 d,864000=10 d," \
        "2592000=30 d,8640000=100 d", list, ",")
    printf "set xtics ("
    for (i = 1; i <= n; i++) {
        split(list[i], part, "=")
        printf "%s'%s' %s", (i > 1 ? ", " : ""), part[2], part[1]
    }
    print ")"
}
