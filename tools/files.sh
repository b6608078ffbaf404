# shellcheck shell=bash
# For scripts to source: which files are the project's.

# Those that match the patterns ("*.c"), one a line: what git knows or would add. Outside a
# checkout, or where git refuses, all that are not below build*/.
files() {
    local list
    if [ -e .git ] &&
        list=$(git ls-files --cached --others --exclude-standard -- "$@" 2>/dev/null); then
        while read -r file; do
            # What was removed but not committed yet is known to git, too.
            [ ! -f "$file" ] || echo "$file"
        done <<<"$list"
    else
        local -a names=()
        local pattern
        for pattern in "$@"; do names+=(-o -name "$pattern"); done
        find . \( -path './build*' -o -name .git \) -prune \
            -o -type f \( "${names[@]:1}" \) -print | sed 's|^\./||' | sort
    fi
}
