# Task Director. `make help` lists the targets.
.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules
VERSION := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=
# Where everything is built; the sanitizer builds set it.
BUILD ?= build
CC := gcc

PACKAGES := libcjson gsl
WARNINGS := -Wall -Wextra -Werror -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual \
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wformat=2 -Wundef -Wvla \
	-Wdouble-promotion -Wnull-dereference -Wwrite-strings -Wimplicit-fallthrough
OPTIMIZE ?= -O2 -flto=auto
SANITIZE ?=
CPPFLAGS := -I. -D_GNU_SOURCE -DTD_VERSION='"$(VERSION)"'
# No fused multiply-add behind our back: the same bytes with any flags.
CFLAGS := -std=c17 $(OPTIMIZE) -g -ffp-contract=off -fno-common -pthread $(SANITIZE) $(WARNINGS)
LDFLAGS := $(OPTIMIZE) -pthread $(SANITIZE)
LDLIBS = $(shell pkg-config --libs $(PACKAGES)) -lm

ROOMS := base engine policies workload sim report cli
sources = $(wildcard $(1)/*.c)
objects = $(patsubst %.c,$(BUILD)/%.o,$(call sources,$(1)))

# What a room's tests link with: the room, and what it may include; nothing else.
LINK_base := base
LINK_engine := base engine
LINK_policies := base policies
LINK_workload := base workload
LINK_report := base report
LINK_sim := base engine policies workload report sim
LINK_cli := base engine policies workload report sim

TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/*/test_*.c))

.PHONY: all
all: $(BUILD)/task-director

$(BUILD)/task-director: $(foreach room,$(ROOMS),$(call objects,$(room)))
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# tests/ROOM/test_X.c is a program of its own.
define test_rule
$(BUILD)/tests/$(1)/test_%: $(BUILD)/tests/$(1)/test_%.o $(foreach room,$(LINK_$(1)),$(call objects,$(room)))
	$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS) -lcmocka
endef
$(foreach room,$(ROOMS),$(eval $(call test_rule,$(room))))
.PRECIOUS: $(BUILD)/%.o

.PHONY: test-programs
test-programs: $(TESTS)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
