# Task Director. `make help` lists the targets.
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/bash
VERSION := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=
# Where everything is built. Other flags, another folder: objects don't notice that flags change.
BUILD ?= build
CC := gcc
# Debian's modules belong to Debian's Python, whatever else is called python3 here.
PYTHON ?= $(or $(wildcard /usr/bin/python3),python3)
JOBS ?= $(shell nproc)
# Tests wait as much as they work: for silences to last, for peers who sleep.
TEST_JOBS ?= $(shell echo $$((2 * $(JOBS))))

PACKAGES := libcjson gsl libwebsockets libcrypto libssl sqlite3
WARNINGS := -Wall -Wextra -Werror -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual \
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wformat=2 -Wundef -Wvla \
	-Wdouble-promotion -Wnull-dereference -Wwrite-strings -Wimplicit-fallthrough
OPTIMIZE ?= -O2 -flto=auto
SANITIZE ?=
# The checks that sanitizers put into the code make gcc see paths that are none.
WARNINGS += $(if $(SANITIZE),-Wno-null-dereference -Wno-maybe-uninitialized)
CPPFLAGS := -I. -D_GNU_SOURCE -DTD_VERSION='"$(VERSION)"'
# No fused multiply-add behind our back: the same bytes with any flags.
CFLAGS := -std=c17 $(OPTIMIZE) -g -ffp-contract=off -fno-common -pthread $(SANITIZE) $(WARNINGS)
# A program needs only the libraries that it calls: what never goes live knows no websockets.
LDFLAGS := $(OPTIMIZE) -pthread -Wl,--as-needed $(SANITIZE)
# Asked for when something is linked, since pkg-config may have to be installed first.
LDLIBS = $(shell pkg-config --libs $(PACKAGES)) -lm -ldl
# What policies from outside may call, which the program therefore keeps and shows to them: nothing
# else of it.
EXPORTS := -Wl,--export-dynamic-symbol='td_view_*' -Wl,--export-dynamic-symbol=td_directed_choose
# And the headers that they include, installed under the names that they have here.
POLICY_HEADERS := engine/policy.h engine/types.h base/time.h policies/directed.h

ROOMS := base engine policies workload sim live report cli
sources = $(wildcard $(1)/*.c)
objects = $(patsubst %.c,$(BUILD)/%.o,$(call sources,$(1)))
# All of the program but its main().
LIBRARY := $(filter-out $(BUILD)/cli/main.o,$(foreach room,$(ROOMS),$(call objects,$(room))))

# What a room's tests link with: the room, and what it may include; nothing else.
LINK_base := base
LINK_engine := base engine
LINK_policies := base policies
LINK_workload := base workload
LINK_report := base report
LINK_sim := base engine policies workload report sim
LINK_live := base engine policies workload report live
LINK_cli := $(ROOMS)

TEST_SOURCES := $(wildcard tests/*/test_*.c)
# The real Bazel is large, and a target of its own installs it.
BAZEL_TEST := $(BUILD)/tests/live/test_real_bazel
# What is long and begins last is alone in the end: these come first, and scripts before programs.
LONG := $(addprefix $(BUILD)/tests/,sim/test_random live/test_v1_lives live/test_journal \
	report/test_csv sim/test_ahead sim/test_bound)
PROGRAMS := $(filter-out $(BAZEL_TEST),$(TEST_SOURCES:%.c=$(BUILD)/%))
TESTS := $(filter $(LONG),$(PROGRAMS)) $(filter-out $(LONG),$(PROGRAMS))

##@ Build
.PHONY: all
all: $(BUILD)/task-director ## the program, build/task-director (this is what plain `make` does)

$(BUILD)/task-director: $(LIBRARY) $(BUILD)/cli/main.o
	$(CC) $(LDFLAGS) $(EXPORTS) -o $@ $^ $(LDLIBS)

$(BUILD)/%.o: %.c Makefile | deps-build
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

.PHONY: deps
deps: ## installs, with apt, what all targets need
	@tools/deps.sh build test lint plot valgrind

# What a target needs and this machine lacks is installed before it is missed; all of it at once,
# and before anything is built.
DEPS := build test torture lint plot valgrind bazel fuzz
.PHONY: $(DEPS:%=deps-%)
$(DEPS:%=deps-%): deps-%:
	@CC=$(CC) tools/deps.sh $*

.PHONY: demo
demo: deps-plot ## runs the frame of the problem, three strategies, and draws its pictures
	@$(MAKE) $(PARALLEL) all
	$(BUILD)/task-director run scenarios/three-strategies.json --out $(BUILD)/demo
	$(BUILD)/task-director plot $(BUILD)/demo
	@echo; echo "The pictures are in $(BUILD)/demo/."

DEMO_LIVE := scenarios/live-bazel.json
.PHONY: demo-live
demo-live: deps-bazel ## three jobs that really build with Bazel, three strategies; and as simulated
	@$(MAKE) $(PARALLEL) all
	$(BUILD)/task-director run $(DEMO_LIVE) --live --out $(BUILD)/demo-live
	$(BUILD)/task-director plot $(BUILD)/demo-live
	$(BUILD)/task-director run $(DEMO_LIVE) --quiet --out $(BUILD)/demo-live/simulated
	@echo
	$(PYTHON) tools/live-evidence.py $(BUILD)/demo-live --once linear,directed \
		--beside $(BUILD)/demo-live/simulated
	@echo; echo "The pictures are in $(BUILD)/demo-live/."

.PHONY: install
install: all ## to PREFIX (/usr/local), below DESTDIR; also the headers for policies of your own
	install -D $(BUILD)/task-director $(DESTDIR)$(PREFIX)/bin/task-director
	install -d $(addprefix $(DESTDIR)$(PREFIX)/share/task-director/,plots scenarios)
	install -m 644 $(wildcard plots/*.*) $(DESTDIR)$(PREFIX)/share/task-director/plots
	install -m 644 $(wildcard scenarios/*.*) $(DESTDIR)$(PREFIX)/share/task-director/scenarios
	cp -R scenarios/live-workspace $(DESTDIR)$(PREFIX)/share/task-director/scenarios
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|/usr/local/|$(PREFIX)/|' systemd/task-director.service \
		>$(DESTDIR)$(PREFIX)/lib/systemd/system/task-director.service
	install -D -m 644 docs/operation.md $(DESTDIR)$(PREFIX)/share/doc/task-director/operation.md
	for header in $(POLICY_HEADERS); do install -m 644 -D $$header \
		$(DESTDIR)$(PREFIX)/include/task-director/$$header || exit; done
	install -d $(DESTDIR)$(PREFIX)/share/pkgconfig
	printf '%s\n' 'prefix=$(PREFIX)' 'includedir=$${prefix}/include' \
		'# Of the policies that the program loads: TD_POLICY_ABI.' \
		"abi=$$(sed -n 's/^#define TD_POLICY_ABI \([0-9]*\)u$$/\1/p' engine/policy.h)" '' \
		'Name: task-director' 'Description: policies for Task Director' 'Version: $(VERSION)' \
		'Cflags: -I$${includedir}/task-director' \
		>$(DESTDIR)$(PREFIX)/share/pkgconfig/task-director.pc

.PHONY: clean
clean: ## removes all that was built
	rm -rf $(BUILD)

##@ Tests
# tests/ROOM/test_X.c is a program of its own; the other files beside it are linked with each.
define test_rule
$(BUILD)/tests/$(1)/test_%: $(BUILD)/tests/$(1)/test_%.o \
		$(patsubst %.c,$(BUILD)/%.o,$(filter-out $(TEST_SOURCES),$(wildcard tests/$(1)/*.c))) \
		$(filter-out $(BUILD)/cli/main.o,$(foreach room,$(LINK_$(1)),$(call objects,$(room))))
	$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS) -lcmocka
endef
$(foreach room,$(ROOMS),$(eval $(call test_rule,$(room))))
.PRECIOUS: $(BUILD)/%.o
$(TESTS:=.o) $(BAZEL_TEST).o: | deps-test

.PHONY: test-programs
test-programs: $(TESTS)

# The scripts that test: a room's own, those of the oracle, and those of the tools.
TEST_SCRIPTS := $(wildcard tests/*/test_*.py tests/*/test_*.sh tools/runners_test.sh)
# The program against the independent model, on so many random scenarios.
ORACLE := $(wildcard tests/oracle/differential.py)
ORACLE_CASES = "$(ORACLE) --program $(BUILD)/task-director --cases $(1) --seed 1 --profile $(2)"
ORACLE_RUN = $(if $(ORACLE),$(foreach name,basic full queue,$(call ORACLE_CASES,$(1),$(name))))
# What the scripts are told: the program that they test, where it was built, and the Python to use.
RUN_TESTS = TASK_DIRECTOR=$(abspath $(BUILD)/task-director) BUILD=$(BUILD) PYTHON=$(PYTHON) \
	tools/run-tests.sh --jobs $(TEST_JOBS)
# Builds in parallel, unless the user said how.
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))

.PHONY: test
test: deps-test ## all tests; the last line counts the cases that passed and failed
	@$(MAKE) $(PARALLEL) all test-programs
	@$(RUN_TESTS) $(call ORACLE_RUN,400) $(TEST_SCRIPTS) $(TESTS)

# Policies in shared objects. Here they are only compiled, to be looked at by lint;
# tests/policies/test_plugins.sh builds them as users do.
PLUGINS := $(wildcard examples/*.c tests/policies/plugins/*.c)

# The same tests under a checker, each in a build of its own.
CHECK = $(MAKE) $(PARALLEL) BUILD=$(BUILD)/$(1) OPTIMIZE='-O1 -fno-omit-frame-pointer'
ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all
TSAN := -fsanitize=thread

.PHONY: check-asan
check-asan: deps-test ## the tests with AddressSanitizer and UndefinedBehaviorSanitizer
	@$(call CHECK,asan) SANITIZE='$(ASAN)' all test-programs
	@$(MAKE) BUILD=$(BUILD)/asan run-check-asan
.PHONY: run-check-asan
run-check-asan:
	@export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1 \
		UBSAN_OPTIONS=print_stacktrace=1; \
	$(RUN_TESTS) $(call ORACLE_RUN,100) $(wildcard tests/cli/test_*.sh tests/policies/test_*.sh) \
		$(TESTS)

.PHONY: check-tsan
check-tsan: deps-test ## the tests with ThreadSanitizer
	@$(call CHECK,tsan) SANITIZE='$(TSAN)' all test-programs
	@$(MAKE) BUILD=$(BUILD)/tsan run-check-tsan
# Its shadow memory does not fit every layout that the kernel may draw: without the drawing.
.PHONY: run-check-tsan
run-check-tsan:
	@export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1; \
	$(RUN_TESTS) --wrap "$$(setarch -R true 2>/dev/null && echo setarch -R)" $(TESTS)

.PHONY: check-valgrind
check-valgrind: deps-valgrind ## the test programs under valgrind's memcheck
	@$(call CHECK,valgrind) test-programs
	@$(MAKE) BUILD=$(BUILD)/valgrind run-check-valgrind
# Each case costs thirty times as much: a tenth of the random ones.
.PHONY: run-check-valgrind
run-check-valgrind:
	@TEST_SHARE=10 $(RUN_TESTS) --wrap "valgrind -q --error-exitcode=99 --leak-check=full \
		--errors-for-leak-kinds=definite,possible --child-silent-after-fork=yes" $(TESTS)

.PHONY: check-bazel
check-bazel: deps-bazel ## builds and tests with the real Bazel (installs Debian's)
	@$(MAKE) $(PARALLEL) all $(BAZEL_TEST)
	@$(RUN_TESTS) $(BAZEL_TEST) tests/live/check_bazel.py

# Each fuzz/*.c but the one that they share is a program of its own, built by clang.
FUZZ := $(filter-out fuzz/fuzz.c,$(wildcard fuzz/*.c))
FUZZ_PROGRAMS := $(FUZZ:%.c=$(BUILD)/%)
FUZZ_SECONDS ?= 600
$(FUZZ_PROGRAMS): $(BUILD)/fuzz/%: $(BUILD)/fuzz/%.o $(BUILD)/fuzz/fuzz.o $(LIBRARY)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)
.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)

# gcc and clang don't warn of the same things.
FUZZ_BUILD = $(MAKE) $(PARALLEL) BUILD=$(BUILD)/fuzzing CC=clang OPTIMIZE='-O1' WARNINGS=-Wall \
	SANITIZE='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' fuzz-programs
# Side by side, one a processor: what is found in so many seconds is a question of work done.
FUZZ_RUN = $(RUN_TESTS) --jobs $(JOBS) --timeout $$(($(1) + 600)) \
	$(foreach program,$(FUZZ:%.c=$(BUILD)/fuzzing/%),"tools/fuzz.sh --seconds $(1) $(program)")
.PHONY: fuzz
fuzz: deps-fuzz ## fuzzes each parser for FUZZ_SECONDS (600); finds go to build/fuzzing/found
	+@$(FUZZ_BUILD)
	@$(call FUZZ_RUN,$(FUZZ_SECONDS))

.PHONY: check-fuzz
check-fuzz: deps-fuzz ## each parser on its corpus, and 5 s of fuzzing
	+@$(FUZZ_BUILD)
	@$(call FUZZ_RUN,5)

# How long, and with which seed (0: the clock's).
TORTURE_SECONDS ?= 300
TORTURE_SEED ?= 0
# All at once, since they wait most of the time: for a silence to last, or for a disk to be full.
TORTURE := tests/torture/torture.py --seconds $(TORTURE_SECONDS) \
	$(if $(filter-out 0,$(TORTURE_SEED)),--seed $(TORTURE_SEED)) $(BUILD)/task-director
TORTURE_OTHERS := $(filter-out %/torture.py %/rig.py,$(wildcard tests/torture/*.py))
.PHONY: torture
torture: deps-torture ## kills, cuts off, fills up and holds up an authority for TORTURE_SECONDS
	@$(MAKE) $(PARALLEL) all
	@$(RUN_TESTS) --jobs 5 --timeout $$(($(TORTURE_SECONDS) + 600)) "$(TORTURE)" \
		$(foreach script,$(TORTURE_OTHERS),"$(script) $(BUILD)/task-director $(TORTURE_SECONDS)")

##@ Benchmarks
# One program of all bench/*.c, and all of the program but its main().
BENCH := $(call objects,bench)
$(BUILD)/bench/bench: $(BENCH) $(LIBRARY)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

.PHONY: bench
bench: deps-build ## how fast the simulator is, beside a hard-coded loop; and then bench-live
	@$(MAKE) $(PARALLEL) $(BUILD)/bench/bench
	@$(BUILD)/bench/bench
	@$(MAKE) bench-live

BENCH_LIVE := $(call objects,bench/live)
$(BUILD)/bench/live/bench-live: $(BENCH_LIVE) $(call objects,base)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Whether serve can keep a journal; then that is measured, too. More options for it: SERVE_OPTIONS.
JOURNAL = $$($(BUILD)/task-director serve --help | grep -o -m 1 -e '^ *--journal' || true)
SERVE_OPTIONS ?=
.PHONY: bench-live
bench-live: deps-build ## how fast the authority is, beside a plain echo server of the same library
	@$(MAKE) $(PARALLEL) all $(BUILD)/bench/live/bench-live
	@$(BUILD)/bench/live/bench-live $(JOURNAL) $(BUILD)/task-director $(SERVE_OPTIONS)

##@ Style
C_FILES = $(wildcard $(ROOMS:%=%/*.[ch]) tests/*/*.[ch] bench/*.[ch] bench/live/*.[ch]) \
	$(wildcard fuzz/*.[ch]) $(PLUGINS)

.PHONY: format
format: deps-lint ## formats all C files in place
	@clang-format -i $(C_FILES)

# Plain objects: nm reads them without knowing about link-time optimization, and constants with
# addresses in them are constants, not data to be relocated.
.PHONY: lint
lint: deps-lint ## format, clang-tidy, cppcheck, shellcheck, and the rules of this code base
	@$(MAKE) $(PARALLEL) BUILD=$(BUILD)/lint OPTIMIZE='-O1 -fno-pie' objects
	@$(RUN_TESTS) tools/lint_test.sh
	@BUILD=$(BUILD)/lint JOBS=$(JOBS) tools/lint.sh

.PHONY: objects
objects: $(LIBRARY) $(BUILD)/cli/main.o $(BENCH) $(BENCH_LIVE) $(PLUGINS:%.c=$(BUILD)/%.o) \
	$(patsubst %.c,$(BUILD)/%.o,$(wildcard fuzz/*.c)) \
	$(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/*/*.c))

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^##@ /{printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' Makefile

-include $(patsubst %.o,%.d,$(LIBRARY) $(BUILD)/cli/main.o $(TESTS:=.o) $(BENCH) $(BENCH_LIVE) \
	$(FUZZ_PROGRAMS:=.o) $(BUILD)/fuzz/fuzz.o \
	$(PLUGINS:%.c=$(BUILD)/%.o) \
	$(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/*/*.c)))
