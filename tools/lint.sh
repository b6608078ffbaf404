#!/bin/bash
# The rules of this code base: tools/lint.sh [CHECK...], all checks unless some are named.
#
# A check is a script in tools/lint/ that looks at the tree in the current folder, prints what it
# found and how to mend it, one finding a line, and then fails. tools/test_lint.sh proves of each
# that it can. `make lint` builds what `symbols` and `dead` read. The last line is
# `N passed, N failed`.
set -eu

checks=("$@")
[ $# -gt 0 ] || checks=(format includes symbols dead style paths shellcheck cppcheck tidy)
passed=0 failed=0
for check in "${checks[@]}"; do
    begin=$SECONDS
    if "tools/lint/$check.sh"; then
        passed=$((passed + 1)) word=ok
    else
        failed=$((failed + 1)) word=FAIL
    fi
    printf '%-4s lint %s (%d s)\n' "$word" "$check" $((SECONDS - begin))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
