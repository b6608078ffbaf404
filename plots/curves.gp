# Draws $curves, an index for each policy, as steps with the legend on the right: the second half of
# turnaround.gp and published.gp.

plot_width = 800
left = 78 + (highest >= 10000 ? 8 * (strlen(sprintf('%d', highest)) - 4) : 0)
top = 70
bottom = 58
rows = policies
do for [i = 1:policies] { if (strlen(note[i])) { rows = rows + 1 } }
picture_width = left + plot_width + legend
plot_height = 20 * rows > 400 ? 20 * rows : 400
height = top + plot_height + bottom
across(x) = 1.0 * x / picture_width
down(y) = 1 - 1.0 * y / height

set lmargin at screen across(left)
set rmargin at screen across(left + plot_width)
set tmargin at screen down(top)
set bmargin at screen down(top + plot_height)
set label title at screen across(14), screen down(22) left font ',16'
set label subtitle at screen across(14), screen down(44) left textcolor rgb '#555555'
set label xlabel_text at screen across(left + plot_width / 2), screen down(height - 13) center
set label ylabel_text at screen across(18), screen down(top + plot_height / 2) center rotate
set xrange [first:last]
set border 3 linecolor rgb '#555555'
set tics nomirror out scale 0.6
set grid linetype 1 linecolor rgb '#D8D8D8' linewidth 1 dashtype 1
unset key

# Curves that lie on each other stay visible: the first is the widest.
thickness(i) = policies == 1 ? 2 : 2 + 2.5 * (policies - i) / (policies - 1)

y = top + 10
do for [i = 1:policies] {
    x = left + plot_width + 14
    set arrow from screen across(x), screen down(y) to screen across(x + 28), screen down(y) \
        nohead linetype i linewidth thickness(i)
    set label policy[i] at screen across(x + 36), screen down(y) left
    y = y + 20
    if (strlen(note[i])) {
        set label note[i] at screen across(x + 36), screen down(y - 2) left textcolor rgb '#555555'
        y = y + 20
    }
}

ends = 'rounded'
do for [kind in 'svg png'] {
    eval kind eq 'svg' ? svg(picture_width, height) : png(picture_width, height)
    set output prefix.name.'.'.kind
    plot for [i = 1:policies] $curves index i - 1 using 1:2 with steps linetype i \
        linewidth thickness(i) title policy[i]
    set output
}
