# The Gantt chart of one replication: gantt.svg and gantt.png.
#
#     cd results && gnuplot /path/to/plots/gantt.gp
#     cd results && gnuplot -e "replication=2; until=3600" /path/to/plots/gantt.gp
#
# `until` cuts the time axis at so many seconds, for a look at policies that end long before the
# rest.
#
# Reads tasks.csv, and peers.csv and runs.csv if they are there. What is drawn, where and in how
# many rows is settled in gantt.awk; how it looks, here.

slash = 0
do for [i = 1:strlen(ARG0)] { if (ARG0[i:i] eq '/') { slash = i } }
plots = slash ? ARG0[1:slash] : './'
load plots.'common.gp'
load data_of('gantt.awk')
load plots.'check.gp'

# By class: build, rest, duplicate, fetch, overhead, wait, failed, aborted.
array class_colour[8] = ['#0072B2', '#009E73', '#D55E00', '#E69F00', '#7F7F7F', '#D9D9D9', \
    '#000000', '#CC79A7']

tall = plot_height > 1400
top = tall ? 112 : 88
bottom = 50
height = top + plot_height + bottom
across(x) = 1.0 * x / picture_width
down(y) = 1 - 1.0 * y / height
set lmargin at screen across(left)
set rmargin at screen across(left + plot_width)
set tmargin at screen down(top)
set bmargin at screen down(top + plot_height)

set label title at screen across(14), screen down(22) left font ',16'
set label subtitle at screen across(14), screen down(44) left textcolor rgb '#555555'
x = 14
do for [i = 1:words(classes)] {
    c = int(word(classes, i))
    set object rectangle from screen across(x), screen down(61) to screen across(x + 16), \
        screen down(73) fillcolor rgb class_colour[c] fillstyle solid noborder
    set label class_name[c] at screen across(x + 22), screen down(67) left
    x = x + 46 + 6.6 * strlen(class_name[c])
}
unset key

# The vertical axis counts pixels, downwards.
set xrange [t_low:t_high]
set yrange [plot_height:0]
unset ytics
set border 1 linecolor rgb '#555555'
set xtics nomirror out scale 0.6
set xtics tic_step
set label 'time ('.unit.')' at screen across(left + plot_width / 2), \
    screen down(height - 13) center
if (tall) {
    set x2range [t_low:t_high]
    set x2tics out scale 0.6 tic_step
    set border 5
}

thick = bar >= 8 ? bar - 2 : bar >= 4 ? bar - 1 : bar
do for [kind in 'svg png'] {
    eval kind eq 'svg' ? svg(picture_width, height) : png(picture_width, height)
    set output prefix.'gantt.'.kind
    plot $grid using 1:2:(0):3 with vectors nohead linetype 1 linewidth 1 \
        linecolor rgb '#D8D8D8' notitle, \
        for [i = 1:words(classes)] $pieces index i - 1 using 1:2:3:(0) with vectors nohead \
        linetype 1 linewidth thick linecolor rgb class_colour[int(word(classes, i))] \
        title class_name[int(word(classes, i))]
    set output
}
