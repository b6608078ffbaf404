#!/bin/bash
# C files pass clang-tidy (.clang-tidy). A finding that is none is answered in the code, with the
# reason: // NOLINTNEXTLINE(check)
#
# What passed once is not looked at again while the file with all that it includes, the settings and
# clang-tidy's version are the same.
set -eu
# shellcheck source=tools/files.sh
. "$(dirname "$0")/../files.sh"

export TIDY_CACHE=${BUILD:-build/lint}/tidy
mkdir -p "$TIDY_CACHE"
TIDY_SETTINGS=$(cat .clang-tidy "$0" && clang-tidy --version)
export TIDY_SETTINGS

tidy() { # FILE
    local -a flags=(-std=c17 -I. -D_GNU_SOURCE '-DTD_VERSION="0"' -Wall -Wextra)
    local key options=() text
    key=$({ echo "$TIDY_SETTINGS" && gcc -E -C "${flags[@]}" "$1"; } | sha256sum | cut -c1-32)
    [ ! -e "$TIDY_CACHE/$key" ] || return 0
    # A test may ignore a result that a later line proves, a table of cases may be long, and its
    # numbers are its own.
    local widening=-bugprone-implicit-widening-of-multiplication-result
    case $1 in
    tests/* | bench/*)
        options=("--checks=-cert-err33-c,-readability-function-size,$widening")
        ;;
    esac
    if text=$(clang-tidy --quiet "${options[@]}" "$1" -- "${flags[@]}" 2>&1); then
        : >"$TIDY_CACHE/$key"
    else
        grep -v 'warnings\? generated\|warnings\? treated as error\|^Suppressed' <<<"$text"
        return 1
    fi
}
export -f tidy

# shellcheck disable=SC2016 # for the shells that xargs starts
files '*.c' | xargs -r -P "${JOBS:-$(nproc)}" -I{} bash -c 'tidy "$1"' tidy {}
