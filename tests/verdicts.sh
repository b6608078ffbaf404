# Sourced by the script tests: counting of cases. The script works in a folder of its own, where
# `try` leaves the files out and err.
# shellcheck shell=bash
status=0 passed=0 failed=0

# verdict NAME STATUS: counts a case whose last condition ended with STATUS.
verdict() {
    if [ "$2" -eq 0 ]; then
        passed=$((passed + 1))
        return
    fi
    failed=$((failed + 1))
    printf 'FAILED: %s\n  status %s\n' "$1" "$status"
    sed 's/^/  out: /' out | head -5
    sed 's/^/  err: /' err | head -5
}

# holds NAME COMMAND...: a case that is one command.
holds() {
    local name=$1
    shift
    "$@"
    verdict "$name" $?
}
