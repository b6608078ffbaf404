#!/bin/bash
# Calls that are not for this code base, long lines and files, tabs, blanks at a line's end, notes
# to oneself.
set -eu
here=$(dirname "$0")
# shellcheck source=tools/files.sh
. "$here/../files.sh"

mapfile -t texts < <(files '*' | grep -vE '^LICENSE$|\.(svg|csv)$' | xargs -r -d '\n' grep -lI .)
[ ${#texts[@]} -gt 0 ] || exit 0
LC_ALL=C awk -f "$here/style.awk" "${texts[@]}"
