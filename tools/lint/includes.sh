#!/bin/bash
# No #include crosses the table of tools/lint/includes.txt.
set -eu
here=$(dirname "$0")
# shellcheck source=tools/files.sh
. "$here/../files.sh"

mapfile -t sources < <(files '*.c' '*.h')
[ ${#sources[@]} -gt 0 ] || exit 0
awk -f "$here/includes.awk" "$here/includes.txt" "${sources[@]}"
