#!/bin/bash
# Shell scripts, by their name or their first line, pass shellcheck.
set -eu
# shellcheck source=tools/files.sh
. "$(dirname "$0")/../files.sh"

mapfile -t scripts < <(files '*' | while read -r file; do
    case $file in
    *.sh) echo "$file" ;;
    *) ! head -c 32 "$file" | head -1 | grep -aqE '^#!.*\b(ba)?sh\b' || echo "$file" ;;
    esac
done)
[ ${#scripts[@]} = 0 ] || shellcheck --format=gcc --external-sources "${scripts[@]}"
