# The distribution of the peers' turnaround for each policy: turnaround.svg and turnaround.png.
#
#     cd results && gnuplot /path/to/plots/turnaround.gp
#
# Reads peers.csv: all its replications together, peers with outcome `ok` only.

slash = 0
do for [i = 1:strlen(ARG0)] { if (ARG0[i:i] eq '/') { slash = i } }
plots = slash ? ARG0[1:slash] : './'
load plots.'common.gp'
load data_of('turnaround.awk')
load plots.'check.gp'

xlabel_text = 'turnaround'.(logarithmic ? ', logarithmic' : ' ('.unit.')')
if (logarithmic) { set logscale x }
set yrange [0:102]
set ytics 0, 10, 100 format '%.0f%%'
highest = 100
ylabel_text = 'peers that took at most so long'
name = 'turnaround'
load plots.'curves.gp'
