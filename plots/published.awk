# The data of the artifacts published over time, from tasks.csv: successful builds of one
# replication that were no duplicates and not the rest, counted when they end.

BEGIN {
    read_builds()
    for (p = 1; p <= policies; p++) {
        share[p] = 1
        label[p] = shortened(policy_name[p], 36)
        longest = width(label[p]) > longest ? width(label[p]) : longest
        most = built[p] > most ? built[p] : most
        note[p] = ""
    }
    if (t_low < 0.3 * tally_max) t_low = 0
    last = tally_max + 0.03 * (tally_max - t_low)
    if (last <= t_low) last = t_low + 1
    if (until != "" && until + 0 < last) last = until + 0
    if (last <= t_low)
        absent("Artifacts over time are not drawn: nothing happens before " until " s.")
    print_unit("unit", last - t_low)
    printf "set xtics %.9g\n", tic_step((last - t_low) / unit_s, unit, 12)
    printf "first = %.9g; last = %.9g; most = %d\n", t_low / unit_s, last / unit_s, most
    printf "policies = %d; legend = %d\n", policies, longest * 7 + 60
    print "title = " quoted(shortened(scenario, 95))
    print "subtitle = " \
        quoted("Artifacts published: replication " replication " of the " mode " run")
    print_strings("policy", label)
    print_strings("note", note)
    print_curves("$curves", t_low, last > tally_max ? last : tally_max, share)
    print "ready = 1"
}

function read_builds(   file, c_policy, c_replication, c_step, c_kind, c_start, c_end, c_outcome, \
                        read, other, p) {
    file = "tasks.csv"
    if (!open_csv(file)) absent("Artifacts over time are not drawn: " no_file(file))
    c_policy = need(file, "policy"); c_replication = need(file, "replication")
    c_step = need(file, "step"); c_kind = need(file, "kind"); c_start = need(file, "start_s")
    c_end = need(file, "end_s"); c_outcome = need(file, "outcome")
    while (next_row(file)) {
        if (replication == "") replication = $c_replication
        if ($c_replication != replication) {
            other = $c_replication
            continue
        }
        if (!read++) {
            scenario = $need(file, "scenario")
            mode = $need(file, "mode")
            t_low = $c_start + 0
        }
        p = policy_index($c_policy)
        if ($c_start + 0 < t_low) t_low = $c_start + 0
        if ($c_kind != "build" || $c_outcome != "ok" || $c_step == "universe") continue
        built[p]++
        tally(p, $c_end)
    }
    if (!read && other == "")
        absent("Artifacts over time are not drawn: tasks.csv holds no intervals (--tasks 0?).")
    if (!read)
        trouble("tasks.csv does not hold replication " replication ".")
    if (!tally_keys) absent("Artifacts over time are not drawn: nothing was published.")
}
