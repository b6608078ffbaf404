# What the awk program said: nothing to draw (a sentence, exit status 0), bad files (a sentence,
# exit status 2) or all well. It ends gnuplot or returns.
if (exists('trouble')) {
    print trouble
    exit status 2
}
if (exists('absent')) {
    print absent
    exit status 0
}
if (!exists('ready')) {
    print 'The CSV files could not be read to their end: see what awk said.'
    exit status 1
}
