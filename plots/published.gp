# Artifacts published over time for each policy: published.svg and published.png.
#
#     cd results && gnuplot /path/to/plots/published.gp
#     cd results && gnuplot -e "replication=2; until=3600" /path/to/plots/published.gp
#
# Reads tasks.csv: the successful builds of one replication that were no duplicates.

slash = 0
do for [i = 1:strlen(ARG0)] { if (ARG0[i:i] eq '/') { slash = i } }
plots = slash ? ARG0[1:slash] : './'
load plots.'common.gp'
load data_of('published.awk')
load plots.'check.gp'

xlabel_text = 'time ('.unit.')'
set yrange [0:1.05 * most]
if (most < 10) { set ytics 1 }
highest = most
set format y '%.0f'
ylabel_text = 'artifacts published so far'
name = 'published'
load plots.'curves.gp'
