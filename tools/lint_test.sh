#!/bin/bash
# Proves of each check of tools/lint/ that it can fail, and that it lets pass what is right: small
# trees in a temporary folder. The last line is `N passed, N failed`.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export BUILD=build/lint JOBS=1
passed=0 failed=0

# A fresh tree in which every check passes.
begin() {
    rm -rf "$work/tree"
    mkdir -p "$work/tree"/{base,engine,policies,tests/base,tools}
    cd "$work/tree"
    cp "$root/.clang-format" "$root/.clang-tidy" .
    cat >base/twice.h <<-'END'
	#ifndef TWICE_H
	#define TWICE_H
	int td_twice(int n);
	#endif
	END
    cat >base/twice.c <<-'END'
	#include "base/twice.h"

	int td_twice(int n)
	{
	    return 2 * n; /* time() and rand() are only mentioned: "strcpy(" */
	}
	END
    cat >engine/engine.h <<-'END'
	#ifndef ENGINE_H
	#define ENGINE_H
	int td_engine(int n);
	#endif
	END
    cat >engine/engine.c <<-'END'
	#include "engine/engine.h"

	#include "base/twice.h"

	#include <stdlib.h>

	static const char *const names[] = {"one", "two"};

	int td_engine(int n)
	{
	    char *copy = calloc(1, 16);
	    int sum = td_twice(n) + (copy == NULL ? 0 : names[n % 2][0]);
	    free(copy);
	    return sum;
	}
	END
    cat >tests/base/test_twice.c <<-'END'
	#include "base/twice.h"
	#include "engine/engine.h"

	int main(void)
	{
	    return td_twice(1) + td_engine(1) == 2;
	}
	END
    # A test of base may not know the engine; the tree only wants a user of each.
    printf 'tests/base : base/* engine/* : libc\n' >includes.txt
    cat "$root/tools/lint/includes.txt" >>includes.txt
    printf '#!/bin/sh\necho "$@"\n' >tools/say.sh
}

build() { # as `make lint` does, as far as nm is concerned
    find . -name '*.c' | while read -r source; do
        local object=$BUILD/${source#./}
        mkdir -p "${object%/*}"
        gcc -std=c17 -O1 -fno-pie -I. -w -D_GNU_SOURCE -c -o "${object%.c}.o" "$source"
    done
}

report() { # NAME GOOD?
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
        echo "ok   $1"
    else
        failed=$((failed + 1))
        echo "FAIL $1; the check printed:"
        sed 's/^/    /' "$work/out"
    fi
}

run() { # CHECK
    if [ "$1" = includes ]; then
        # With the tree's own table.
        mkdir -p "$work/lint"
        cp "$root/tools/files.sh" "$work"
        cp "$root"/tools/lint/includes.* "$work/lint"
        mv includes.txt "$work/lint/includes.txt"
        "$work/lint/includes.sh"
    else
        case $1 in symbols | dead) build ;; esac
        "$root/tools/lint/$1.sh"
    fi >"$work/out" 2>&1
}

good() { # CHECK
    local status=0
    run "$1" || status=$?
    report "$1 passes a tree that is right" "$status"
}

bad() { # CHECK WHAT PATTERN: the check fails and prints a line that matches
    local status=1
    if ! run "$1" && grep -qE "$3" "$work/out"; then status=0; fi
    report "$1 finds $2" $status
}

for check in format includes symbols dead style paths shellcheck cppcheck tidy; do
    begin
    good "$check"
done

begin
echo 'int   x;' >>base/twice.c
bad format 'a line that is not formatted' '^base/twice\.c:[0-9]+: not formatted'

begin
sed -i '1i #include "engine/engine.h"' base/twice.c
bad includes 'base including the engine' '^base/twice\.c:1: base/ may not include "engine/'
begin
sed -i '1i #include <gsl/gsl_rng.h>' engine/engine.c
bad includes 'GSL in the engine' '^engine/engine\.c:1: .*may not include <gsl/'
begin
sed -i '1i #  include <pthread.h>' engine/engine.c
bad includes 'threads in the engine' '^engine/engine\.c:1: .*no clock'
begin
printf '#include "engine/engine.h"\n' >policies/linear.c
bad includes "a policy that knows more than engine/policy.h" '^policies/linear\.c:1: '
begin
mkdir sim && printf '#include "engine/engine_internal.h"\n' >sim/sim.c
bad includes "a room's internal header elsewhere" '^sim/sim\.c:1: .*for engine/ alone'
begin
sed -i '1i #include "twice.h"' base/twice.c
bad includes 'a path that is not from the root' '^base/twice\.c:1: .*from the root'
begin
mkdir attic && echo 'int x;' >attic/x.c
bad includes 'a room that the table does not know' '^attic/x\.c:1: no row for attic/'

for call in 'clock()' 'puts("x")' 'rand()' 'getenv("x") != 0' 'pthread_self() != 0'; do
    begin
    echo "#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int td_more(void) { return (int)($call); }" >policies/more.c
    bad symbols "a policy that calls ${call%%(*}()" "^policies/more\.c: uses ${call%%(*}\(\)"
done
opens='#include <dlfcn.h>
void *td_more(void) { return dlopen("x", RTLD_NOW); }'
begin
echo "$opens" >policies/loader.c
good symbols
begin
echo "$opens" >policies/more.c
bad symbols "a policy that opens shared objects" '^policies/more\.c: uses dlopen\(\)'
begin
echo 'int rand(void); int td_more(void) { return rand(); }' >policies/loader.c
bad symbols "a loader that draws numbers" '^policies/loader\.c: uses rand\(\)'
begin
echo 'int td_sim_now(void); int td_now(void) { return td_sim_now(); }' >engine/now.c
bad symbols "a function of another room" '^engine/now\.c: uses td_sim_now\(\)'
begin
echo 'int td_count(void) { static int count; return ++count; }' >engine/count.c
bad symbols 'global state' '^engine/count\.c: count\.?[0-9]* is global state'

begin
echo 'int td_thrice(int n);' >base/thrice.h
bad dead 'a header that nobody includes' '^base/thrice\.h: nobody includes it'
begin
echo 'int td_thrice(int n) { return 3 * n; }' >base/thrice.c
bad dead 'a file of which nobody uses anything' '^base/thrice\.c: no other file uses'

for call in 'strcpy(a, b)' 'strcat(a, b)' 'sprintf(a, b)' 'gets(a)' 'rand()' 'random()' \
    'system(a)' 'popen(a, b)' 'alloca(3)' 'atoi(a)' 'strtok(a, b)'; do
    begin
    echo "int td_more(void) { return x + $call; }" >base/more.c
    bad style "${call%%(*}()" "^base/more\.c:1: ${call%%(*}\(\) is banned"
done
begin
echo 'int td_more(void) { return (int)time(NULL); }' >engine/more.c
bad style 'time() in the engine' '^engine/more\.c:1: time\(\) is banned here'
begin
printf '/* %0100d */\n' 0 >>base/twice.h
bad style 'a line over 100 columns' '^base/twice\.h:5: 106 columns'
begin
printf '\tint x;\n' >base/x.h
bad style 'a tab in C' '^base/x\.h:1: a tab'
begin
printf 'text \n' >README.md
bad style "blanks at a line's end" '^README\.md:1: blanks'
begin
for i in $(seq 801); do echo "int x$i;"; done >base/x.h
bad style 'a file of over 800 lines' '^base/x\.h:801: 801 lines'
for note in "TO""DO" "FIX""ME" "XX""X"; do
    begin
    echo "/* $note: later */" >base/x.h
    bad style "a $note" '^base/x\.h:1: a note to oneself'
done

begin
echo "see /ho""me/somebody/notes" >README.md
bad paths "somebody's home" '^README\.md:1:'
begin
echo "DIR = '/wo""rk/here'" >tools/say.py
bad paths "a workplace" '^tools/say\.py:1:'

begin
# shellcheck disable=SC2016 # not to be expanded here
printf '#!/bin/sh\nrm $1\n' >tools/say.sh
bad shellcheck 'a variable without quotes' '^tools/say\.sh:2:.*SC2086'
begin
# shellcheck disable=SC2016 # not to be expanded here
printf '#!/bin/bash\nrm $1\n' >tools/say
bad shellcheck 'a script without .sh' '^tools/say:2:.*SC2086'

begin
printf 'int td_x(void)\n{\n    int a[2] = {0, 1};\n    return a[2];\n}\n' >base/x.c
bad cppcheck 'an index out of bounds' '^base/x\.c:4: error:'

begin
printf '#include <stdlib.h>\nint td_x(int n)\n{\n    int *a = malloc(4);\n' >base/x.c
printf '    return n > 0 && a != NULL ? *a : 0;\n}\n' >>base/x.c
bad tidy 'a leak' '^[^ ]*base/x\.c:[0-9:]+ error: .*leak'

begin
build() { :; } # so that none of the files is
bad dead 'a file that is not built' '^base/twice\.c: in no folder that the Makefile builds'
begin
bad symbols 'objects that are missing' '^build/lint/engine/engine\.o: not built'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
