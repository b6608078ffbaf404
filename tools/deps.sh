#!/bin/bash
# Sees to it that what a target needs is installed: tools/deps.sh SET...
#
# Sets: build, test, torture, lint, plot, valgrind, bazel, fuzz. Says nothing when nothing is
# missing. What is missing is installed with apt-get, as root or through a sudo that does not ask;
# where neither is possible, or with DEPS=check, it prints the one command that installs it and
# fails.
set -eu

# KIND NAME PACKAGE: a header that the compiler must find, a command, a Python module, a file.
needs() {
    case $1 in
    build)
        cat <<-'END'
		command pkg-config pkg-config
		header gsl/gsl_rng.h libgsl-dev
		header cjson/cJSON.h libcjson-dev
		header Random123/philox.h librandom123-dev
		header libwebsockets.h libwebsockets-dev
		header openssl/ssl.h libssl-dev
		header sqlite3.h libsqlite3-dev
		END
        ;;
    test)
        needs plot
        cat <<-'END'
		header cmocka.h libcmocka-dev
		command python3 python3
		command openssl openssl
		module jsonschema python3-jsonschema
		END
        ;;
    torture)
        needs test
        echo command ip iproute2
        ;;
    lint)
        needs build
        cat <<-'END'
		header cmocka.h libcmocka-dev
		command clang-format clang-format
		command clang-tidy clang-tidy
		command cppcheck cppcheck
		command shellcheck shellcheck
		END
        ;;
    valgrind)
        needs test
        cat <<-'END'
		command valgrind valgrind
		file /usr/lib/debug/.build-id libc6-dbg
		END
        ;;
    bazel)
        needs test
        cat <<-'END'
		command bazel bazel-bootstrap
		command git git
		file /usr/share/bazel/rules/java bazel-rules-java
		file /usr/share/bazel/rules/proto bazel-rules-proto
		END
        ;;
    fuzz)
        needs build
        echo command clang clang
        echo file /usr/lib/llvm-14/lib/clang/14.0.6/lib/linux libclang-rt-14-dev
        ;;
    plot)
        needs build
        cat <<-'END'
		command gnuplot gnuplot-nox
		file /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf fonts-dejavu-core
		END
        ;;
    *)
        echo "tools/deps.sh: no set '$1': build, test, torture, lint, valgrind, plot, bazel or" \
            "fuzz" >&2
        return 2
        ;;
    esac
}

# The packages of those lines on standard input whose thing is not there. One run of the compiler
# answers for all headers.
missing() {
    local kind name package probe='' modules=''
    while read -r kind name package; do
        case $kind in
        command) command -v "$name" >/dev/null || echo "$package" ;;
        file) [ -e "$name" ] || echo "$package" ;;
        module) modules+="$name $package " ;;
        header) probe+="#if !__has_include(<$name>)"$'\n'"MISSING $package"$'\n#endif\n' ;;
        esac
    done
    if [ -n "$probe" ]; then
        "${CC:-gcc}" -E -P -x c - <<<"$probe" | sed -n 's/^MISSING //p'
    fi
    if [ -n "$modules" ]; then
        # Debian's modules belong to Debian's Python, whatever else is called python3 here.
        local python=/usr/bin/python3
        [ -x "$python" ] || python=python3
        # shellcheck disable=SC2086 # pairs of words
        "$python" - $modules 2>/dev/null <<-'END' || set -- $modules
			import importlib.util, sys
			for module, package in zip(sys.argv[1::2], sys.argv[2::2]):
			    if importlib.util.find_spec(module) is None:
			        print(package)
		END
        while [ $# -ge 2 ]; do
            echo "$2"
            shift 2
        done
    fi
}

install() { # PACKAGE...; as root or through sudo
    local apt=(env DEBIAN_FRONTEND=noninteractive
        apt-get -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300)
    [ "$(id -u)" = 0 ] || apt=(sudo -n "${apt[@]}")
    # A machine whose lists are fresh is spared the update.
    "${apt[@]}" install "$@" >/dev/null 2>&1 </dev/null && return
    "${apt[@]}" update >/dev/null </dev/null && "${apt[@]}" install "$@" >/dev/null </dev/null
}

# Under make -j two of these may run; the second finds what the first installed.
exec 9<"$0"
flock 9

if ! command -v "${CC:-gcc}" >/dev/null; then
    echo "task-director: no C compiler '${CC:-gcc}': apt-get install gcc libc6-dev" >&2
    exit 1
fi

lacking=$(for set in "$@"; do needs "$set"; done | sort -u | missing | sort -u | tr '\n' ' ')
lacking=${lacking% }
[ -n "$lacking" ] || exit 0

# shellcheck disable=SC2086 # a list of words
if [ "${DEPS:-}" != check ] && command -v apt-get >/dev/null &&
    { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
    echo "task-director: installing $lacking" >&2
    install $lacking || {
        echo "task-director: apt-get could not install: $lacking" >&2
        exit 1
    }
    still=$(for set in "$@"; do needs "$set"; done | sort -u | missing | sort -u | tr '\n' ' ')
    [ -z "$still" ] || {
        echo "task-director: installed, and yet not found: $still" >&2
        exit 1
    }
else
    {
        echo "task-director: missing packages (Debian's names). Install them, then try again:"
        echo "    sudo apt-get install -y --no-install-recommends $lacking"
    } >&2
    exit 1
fi
