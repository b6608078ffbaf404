# Makespan and mean turnaround of each policy with their confidence intervals: comparison.svg and
# comparison.png.
#
#     cd results && gnuplot /path/to/plots/comparison.gp
#
# Reads summary.csv. The policies stand in the order of the file.

slash = 0
do for [i = 1:strlen(ARG0)] { if (ARG0[i:i] eq '/') { slash = i } }
plots = slash ? ARG0[1:slash] : './'
load plots.'common.gp'
load data_of('comparison.awk')
load plots.'check.gp'

top = 92
bottom = 50
height = top + 30 * policies + bottom
across(x) = 1.0 * x / picture_width
down(y) = 1 - 1.0 * y / height

set tmargin at screen down(top)
set bmargin at screen down(height - bottom)
set yrange [policies + 0.5:0.5]
unset ytics
unset key
set datafile missing 'NaN' # no interval, no whiskers
set border 1 linecolor rgb '#555555'
set xtics nomirror out scale 0.6
set grid xtics back linetype 1 linecolor rgb '#E4E4E4' linewidth 1 dashtype 1

BAR = "fillstyle solid noborder linecolor rgb '#56B4E9'"
do for [kind in 'svg png'] {
    eval kind eq 'svg' ? svg(picture_width, height) : png(picture_width, height)
    set output prefix.'comparison.'.kind
    set multiplot
    set label title at screen across(14), screen down(22) left font ',16'
    set label subtitle at screen across(14), screen down(44) left textcolor rgb '#555555'
    do for [i = 1:policies] { set label policy[i] at graph 0, first i right offset character -1, 0 }
    do for [metric in 'makespan turnaround'] {
        second = metric eq 'turnaround'
        from = left + (second ? panel_width + 30 : 0)
        set lmargin at screen across(from)
        set rmargin at screen across(from + panel_width)
        eval 'unit = '.metric.'_unit; top_value = '.metric.'_top; step = '.metric. \
            '_step; intervals = '.metric.'_intervals'
        set xrange [0:top_value]
        set xtics step
        set label (second ? 'mean turnaround' : 'makespan') at graph 0, screen down(top - 14) left \
            font ',13'
        set label 'time ('.unit.')' at graph 0.5, screen down(height - 13) center
        eval 'do for [i = 1:policies] { set label '.metric.'_text[i] at first word($'.metric. \
            '[i], 5) + 0, first i left offset character 0.8, 0 }'
        if (intervals) {
            plot '$'.metric using ($2 / 2):1:($2 / 2):(0.36) with boxxyerror @BAR title metric, \
                '$'.metric using 2:1:3:4 with xerrorbars linecolor rgb 'black' linewidth 1.5 \
                pointtype 7 pointsize 0.3 notitle
        } else {
            plot '$'.metric using ($2 / 2):1:($2 / 2):(0.36) with boxxyerror @BAR title metric
        }
        unset label
    }
    unset multiplot
    set output
}
