# The comparison's data, from summary.csv: for each policy the mean and the interval of the makespan
# and of the mean turnaround.

BEGIN {
    PICTURE_WIDTH = 1280
    LETTER = 7

    read_summary()
    for (p = 1; p <= policies; p++) {
        label[p] = shortened(policy_name[p], 44)
        if (width(label[p]) > left) left = width(label[p])
    }
    left = int(left * LETTER) + 30
    panel_width = int((PICTURE_WIDTH - left - 50) / 2)

    printf "picture_width = %d; left = %d; panel_width = %d\n", PICTURE_WIDTH, left, panel_width
    printf "policies = %d\n", policies
    print "title = " quoted(shortened(scenario, 110))
    print "subtitle = " quoted(subtitle())
    print_strings("policy", label)
    print_metric("makespan_s", "makespan")
    print_metric("mean_turnaround_s", "turnaround")
    print "ready = 1"
}

function read_summary(   file, c_policy, c_metric, c_n, c_mean, c_low, c_high, c_confidence, p) {
    file = "summary.csv"
    if (!open_csv(file)) absent("The comparison is not drawn: " no_file(file))
    c_policy = need(file, "policy"); c_metric = need(file, "metric"); c_n = need(file, "n")
    c_mean = need(file, "mean"); c_low = need(file, "ci_low"); c_high = need(file, "ci_high")
    c_confidence = need(file, "confidence")
    while (next_row(file)) {
        if ($c_metric != "makespan_s" && $c_metric != "mean_turnaround_s") continue
        scenario = $need(file, "scenario")
        mode = $need(file, "mode")
        p = policy_index($c_policy)
        mean[p, $c_metric] = $c_mean
        low[p, $c_metric] = $c_low
        high[p, $c_metric] = $c_high
        if ($c_n + 0 > replications) replications = $c_n + 0
        if ($c_low != "") confidence = $c_confidence
    }
    if (!policies) absent("The comparison is not drawn: summary.csv holds no makespans.")
}

function subtitle(   text) {
    if (replications < 2) return "One replication of the " mode " run: no intervals"
    text = "Means over " grouped(replications) " replications of the " mode " run"
    if (confidence == "") return text
    return text sprintf(", with %g%% confidence intervals", 100 * confidence)
}

# A data block (row, mean, low, high, where the text starts), its unit, axis and texts.
function print_metric(metric, name,   p, m, end, top, need_, text, tip, intervals) {
    for (p = 1; p <= policies; p++) {
        m = mean[p, metric]
        text[p] = m == "" ? "no peer completed" : duration(m)
        if (low[p, metric] != "" && high[p, metric] > low[p, metric])
            text[p] = text[p] " \302\261 " duration((high[p, metric] - low[p, metric]) / 2)
        if (low[p, metric] != "") intervals = 1
        tip[p] = high[p, metric] + 0 > m + 0 ? high[p, metric] + 0 : m + 0
        need_ = tip[p] * panel_width / (panel_width - 16 - LETTER * width(text[p]))
        if (need_ > top) top = need_
    }
    if (!top) top = 1
    print_unit(name "_unit", top)
    printf "%s_top = %.9g; %s_step = %.9g\n", name, top / unit_s, name, \
        tic_step(top / unit_s, unit, 7)
    printf "%s_intervals = %d\n", name, intervals
    print_strings(name "_text", text)
    print "$" name " << END_OF_METRIC"
    for (p = 1; p <= policies; p++) {
        m = mean[p, metric]
        if (m == "") print p, "NaN NaN NaN 0"
        else if (low[p, metric] == "")
            printf "%d %.9g NaN NaN %.9g\n", p, m / unit_s, tip[p] / unit_s
        else
            printf "%d %.9g %.9g %.9g %.9g\n", p, m / unit_s, low[p, metric] / unit_s,
                high[p, metric] / unit_s, tip[p] / unit_s
    }
    print "END_OF_METRIC"
}
