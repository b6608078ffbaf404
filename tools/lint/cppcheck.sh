#!/bin/bash
# C files pass cppcheck. A finding that is none is answered in the code, with the reason:
# // cppcheck-suppress ID
set -eu
# shellcheck source=tools/files.sh
. "$(dirname "$0")/../files.sh"

mapfile -t sources < <(files '*.c')
[ ${#sources[@]} -gt 0 ] || exit 0
cache=${BUILD:-build/lint}/cppcheck
mkdir -p "$cache"
# What it says of uninitialized values is wrong where a loop or a function fills an array; gcc, the
# analyzer in clang-tidy and valgrind watch those.
cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -I. -D_GNU_SOURCE -DTD_VERSION='"0"' \
    --enable=warning,performance,portability \
    --suppress=missingIncludeSystem --suppress=unmatchedSuppression \
    --suppress=uninitvar --suppress=ctuuninitvar \
    --cppcheck-build-dir="$cache" -j "${JOBS:-$(nproc)}" \
    --template='{file}:{line}: {severity}: {message} [{id}]' "${sources[@]}"
