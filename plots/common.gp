# What the pictures share. Each script finds its folder, loads this file and then its data:
#
#     load data_of('gantt.awk')
#     load plots.'check.gp'
#
# Variables that may be set from outside (gnuplot -e "replication=2; prefix='draft-'" gantt.gp):
#     replication   the replication that the Gantt chart and the artifacts over time show
#     until         where the time axis of these two ends, in seconds; '' for the end of the run
#     prefix        put before the names of the pictures

reset
set encoding utf8 # in the C locale gnuplot warns of a degree sign: that is harmless
set decimalsign '.'
if (!exists('replication')) { replication = '' }
if (!exists('until')) { until = '' }
if (!exists('prefix')) { prefix = '' }
undefine ready absent trouble

# Okabe and Ito's colours, which colour-blind people can tell apart, without the yellow that is
# faint on white. The curves of policies take them in turn, the second time dashed, the third
# dotted.
array colour[7] = ['#0072B2', '#E69F00', '#009E73', '#D55E00', '#56B4E9', '#CC79A7', '#000000']
do for [i = 1:70] {
    set linetype i linecolor rgb colour[(i - 1) % 7 + 1] linewidth 2 dashtype 1 + (i - 1) / 7
}

# Names come from files: nothing in them is markup.
font = 'sans-serif'
ends = 'butt'
svg(w, h) = sprintf("set terminal svg size %d,%d noenhanced %s font '%s,12' background 'white'", \
    w, h, ends, font)
png(w, h) = sprintf("set terminal pngcairo size %d,%d noenhanced %s font '%s,12' fontscale 0.75", \
    w, h, ends, font)

# The command that runs an awk program of this folder, whatever the folder's name holds.
quoted_plots = ''
do for [i = 1:strlen(plots)] {
    quoted_plots = quoted_plots.(plots[i:i] eq "'" ? "'\\''" : plots[i:i])
}
data_of(program) = "< LC_ALL=C awk -v replication='".replication."' -v until='".until."' -f '". \
    quoted_plots."common.awk' -f '".quoted_plots.program."'"
