#!/bin/bash
# C files are as clang-format would have them (.clang-format).
set -eu
# shellcheck source=tools/files.sh
. "$(dirname "$0")/../files.sh"

found=0
while read -r file; do
    clang-format -n -Werror "$file" 2>/dev/null || {
        place=$(clang-format -n "$file" 2>&1 | sed -n '1s/^\([^:]*:[0-9]*\):.*/\1/p')
        echo "$place: not formatted: run make format"
        found=1
    }
done < <(files '*.c' '*.h')
exit $found
