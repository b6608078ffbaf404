#!/bin/bash
# Tests the runners themselves: that tools/run-tests.sh counts as it should and takes no failure for
# a success, and that tools/doc-commands.sh runs what documents show. The last line is
# `N passed, N failed`.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
passed=0 failed=0

# The last line and the exit status that COMMAND must have, and a pattern that it must print.
expect() { # NAME LAST-LINE STATUS PATTERN COMMAND...
    local name=$1 last=$2 want=$3 pattern=$4 status=0
    shift 4
    "$@" >out 2>&1 || status=$?
    if [ "$(tail -n 1 out)" = "$last" ] && [ $status = "$want" ] && grep -q -- "$pattern" out; then
        passed=$((passed + 1))
        echo "ok   $name"
    else
        failed=$((failed + 1))
        echo "FAIL $name: expected '$last', status $want and '$pattern'; status $status and"
        sed 's/^/    /' out
    fi
}

# A stand-in for a cmocka program: prints its text, then does the rest.
program() { # FILE REST LINE...
    local file=$1 rest=$2
    shift 2
    {
        echo '#!/bin/sh'
        printf "echo '%s'\n" "$@"
        echo "$rest"
    } >"$file"
    chmod +x "$file"
}
program good '' '[==========] Running 2 test(s).' '[ RUN      ] a' '[       OK ] a' \
    '[ RUN      ] b' '[       OK ] b' '[==========] 2 test(s) run.' '[  PASSED  ] 2 test(s).'
program bad 'exit 1' '[ RUN      ] a' '[       OK ] a' '[ RUN      ] b' '[  ERROR   ] --- 1 != 2' \
    '[  FAILED  ] b' '[  FAILED  ] 1 test(s), listed below:' '[  FAILED  ] b' ' 1 FAILED TEST(S)'
program skips '' '[ RUN      ] a' '[       OK ] a' '[ RUN      ] b' '[  SKIPPED ] b' \
    '[  SKIPPED ] 1 test(s), listed below:' '[  SKIPPED ] b' ' 1 SKIPPED TEST(S)'
program dies 'kill -SEGV $$' '[ RUN      ] a' '[       OK ] a' '[ RUN      ] b'
program quits 'exit 0' '[ RUN      ] a' '[       OK ] a' '[ RUN      ] b'
program fixture 'exit 1' '[  FAILED  ] GROUP SETUP' '[  PASSED  ] 0 test(s).'
program teardown 'exit 1' '[ RUN      ] a' '[       OK ] a'
program hangs 'exec sleep 60' '[ RUN      ] a' '[       OK ] a'
program silent '' 'nothing to see'
echo 'echo "3 passed, 0 failed"' >good.sh
echo 'echo "2 passed, 1 failed"; exit 1' >bad.sh
echo 'echo "2 passed, 0 failed"; exit 1' >liar.sh
printf '%s\n' 'echo "note well"; echo "SKIP discs: none"; echo "1 passed, 0 failed"' >some.sh
echo 'echo "SKIP all of it: no"; echo "0 passed, 0 failed"' >none.sh
# shellcheck disable=SC2016 # for the script to expand
echo 'echo "$1 passed, 0 failed"' >counts.sh
# As valgrind does: the program's output, and a status of its own.
# shellcheck disable=SC2016
printf '#!/bin/sh\n"$@"\nexit 99\n' >finds && chmod +x finds
cat >unit.py <<'END'
import unittest
class Case(unittest.TestCase):
    def test_good(self): pass
    def test_bad(self): self.fail()
    def test_error(self): raise ValueError
    @unittest.skip("why")
    def test_skipped(self): pass
unittest.main()
END

run=("$tools/run-tests.sh")
expect 'a good program' '2 passed, 0 failed' 0 '^ok   ./good: 2 passed' "${run[@]}" ./good
expect 'a failed case is shown whole' '1 passed, 1 failed' 1 '1 != 2' "${run[@]}" ./bad
expect 'skipped cases are said' '1 passed, 0 failed' 0 '1 skipped' "${run[@]}" ./skips
expect 'a program that dies' '1 passed, 1 failed' 1 'signal 11' "${run[@]}" ./dies
expect 'a program that quits early' '1 passed, 1 failed' 1 '^FAIL' "${run[@]}" ./quits
expect 'a fixture that fails' '0 passed, 1 failed' 1 '^FAIL' "${run[@]}" ./fixture
expect 'a teardown that fails' '1 passed, 1 failed' 1 'exit status 1' "${run[@]}" ./teardown
expect 'a program that hangs' '1 passed, 1 failed' 1 'ended after 2 s' \
    "${run[@]}" --timeout 2 ./hangs
expect 'no case at all' '0 passed, 1 failed' 1 'no test case ran' "${run[@]}" ./silent
expect 'a program that is not there' '0 passed, 1 failed' 1 'status 127' "${run[@]}" ./nothing
expect 'no test at all' '0 passed, 1 failed' 1 'no tests given' "${run[@]}"
expect 'scripts' '5 passed, 1 failed' 1 '^ok   good.sh' "${run[@]}" good.sh bad.sh
expect 'a script that fails without a failed case' '2 passed, 1 failed' 1 '^FAIL' \
    "${run[@]}" liar.sh
expect 'a case of a script that is skipped' '1 passed, 0 failed' 0 'failed, 1 skipped' \
    "${run[@]}" some.sh
expect 'its name is shown' '1 passed, 0 failed' 0 '^ *SKIP discs: none' "${run[@]}" some.sh
expect 'notes are shown' '1 passed, 0 failed' 0 '^ *note well' "${run[@]}" some.sh
expect 'a script that skips all' '0 passed, 0 failed' 0 '^ok .* 1 skipped' "${run[@]}" none.sh
expect 'a script with arguments' '7 passed, 0 failed' 0 'counts.sh 7' "${run[@]}" 'counts.sh 7'
expect 'unittest' '1 passed, 2 failed' 1 '1 skipped' "${run[@]}" unit.py
expect 'a wrapper is for programs' '5 passed, 0 failed' 0 '' \
    "${run[@]}" --wrap 'env X=1' ./good good.sh
expect 'a wrapper that finds something' '2 passed, 1 failed' 1 'status 99' \
    "${run[@]}" --wrap ./finds ./good

document() { # LINE...
    printf '%s\n' "$@" >doc.md
}
docs=("$tools/doc-commands.sh")
document '```sh' 'test -e doc.md' 'echo x >made' '```' '```sh' 'test -e made' '```'
expect 'blocks share a copy of the tree' '2 passed, 0 failed' 0 '' "${docs[@]}" doc.md
expect 'and not the tree itself' '0 passed, 0 failed' 0 '' \
    bash -c '[ ! -e made ] && echo "0 passed, 0 failed"'
document '```sh' 'false' 'echo unseen' '```'
expect 'a command that fails' '0 passed, 1 failed' 1 '^FAIL doc.md:1: exit status 1' \
    "${docs[@]}" doc.md
# shellcheck disable=SC1003 # that backslash is the point
document '```console' '$ echo a \' '> b' 'a b' 'false' '$ true' '```'
expect 'what a console printed is no command' '1 passed, 0 failed' 0 '' "${docs[@]}" doc.md
document '```console' '$ false' '```'
expect 'a console command that fails' '0 passed, 1 failed' 1 '' "${docs[@]}" doc.md
document '```sh no-run' 'exit 1' '```' '```json' 'exit 1' '```'
expect 'what is not to be run' '0 passed, 0 failed' 0 'marked no-run' "${docs[@]}" doc.md
document '```console status=2' '$ exit 2' '```'
expect 'a status that is expected' '1 passed, 0 failed' 0 '' "${docs[@]}" doc.md
document '```sh' 'make test' 'true' '```'
expect 'what the caller ran' '1 passed, 0 failed' 0 '' "${docs[@]}" --ran 'make test' doc.md

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
