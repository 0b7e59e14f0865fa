# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make help` lists the targets. Sources are found by pattern: a new .c file in
# a folder named here is built without a change in this file.

VERSION := 0.1.0

# S: the sources; they may be elsewhere (configure). B: what is built.
S := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
B := build

.PHONY: all check check-all recovery figures fuzz fuzz-guards mutate demo bench-cli bench-ring bench-vm bench-scale bench-monitor soak vm deps install uninstall dist deb clean distclean help
.PHONY: programs completions vm-programs unit-tests fuzz-targets fuzz-replay tsan guest-programs everything
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
all: programs completions

# All processors, unless told otherwise.
ifeq ($(filter -j% --jobserver%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
endif

# -- configuration ---------------------------------------------------------------

TESTING := $(filter check check-all recovery figures fuzz fuzz-guards mutate demo bench-cli bench-ring bench-vm bench-scale bench-monitor soak vm deps,$(MAKECMDGOALS))
ifneq ($(if $(MAKECMDGOALS),$(filter-out clean distclean dist deb help deps,$(MAKECMDGOALS)),all),)
include config.mk
endif

# On a fresh machine the targets that run things install what they need, the
# compiler among it, so before configure.
config.mk: $(S)/configure
	$(if $(TESTING),@$(S)/testsuite/install-deps)
	@echo "$(S)/configure $(CONFIGURE_ARGUMENTS)"
	@$(S)/configure $(CONFIGURE_ARGUMENTS)

deps:
	@$(S)/testsuite/install-deps

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-5s %s\n'
endif

ifneq ($(filter true 1,$(CI) $(WERROR)),)
ERRORS := -Werror
endif

# -iquote, not -I: lib/features.h must not hide the C library's <features.h>.
INCLUDES := -I $(S)/include/uapi -iquote $(S)/lib -iquote $(S)
ALL_CPPFLAGS = -D_GNU_SOURCE -DVDUSE_TOOLS_VERSION='"$(VERSION)"' $(DEFINES) $(INCLUDES) $(CPPFLAGS)
ALL_CFLAGS = -std=gnu11 $(WARNINGS) $(ERRORS) $(HARDENING) -fPIE -ffunction-sections -fdata-sections \
	$(SAME_PATHS) $(INSTRUMENT) $(CFLAGS)
# What is built does not tell where: two builds in different folders are the same bytes.
SAME_PATHS = $(foreach folder,$(sort $(S) $(abspath $(S))),-fdebug-prefix-map=$(folder)/=) -fdebug-prefix-map=$(CURDIR)=.
ALL_LDFLAGS = -pie $(HARDENING_LINK) -Wl,--gc-sections $(INSTRUMENT) $(LDFLAGS)

# -- sources ---------------------------------------------------------------------

# objects FOLDER...: those of the sources there, but for main.c
sources = $(foreach folder,$(1),$(sort $(wildcard $(S)/$(folder)/*.c)))
to_object = $(patsubst $(S)/%.c,$(B)/%.o,$(1))
objects = $(call to_object,$(filter-out %/main.c,$(call sources,$(1))))
mains = $(call to_object,$(wildcard $(S)/$(1)/main.c))

LIB := $(B)/lib/libvt.a
VIRTIO := $(B)/vduse/libvirtqueue.a
VDPA := $(B)/vdpa/libcommands.a
VDUSE := $(B)/vduse/libcommands.a
$(LIB): $(call objects,lib)
$(VIRTIO): $(call objects,vduse/virtio)
$(VDPA): $(call objects,vdpa)
$(VDUSE): $(call objects,vduse/device vduse/process vduse/watch vduse)

# A command is built once its main.c is there.
PROGRAMS := $(if $(call mains,vdpa),$(B)/vdpa/vdpa) $(if $(call mains,vduse),$(B)/vduse/vduse)
$(B)/vdpa/vdpa: $(call mains,vdpa) $(VDPA) $(LIB)
$(B)/vduse/vduse: $(call mains,vduse) $(VDUSE) $(VIRTIO) $(LIB)
programs: $(PROGRAMS)

# testsuite/unit/test_NAME.c and testsuite/model/test_NAME.c are programs, other
# sources there are shared by them all. A line `LDFLAGS: WORDS` in a comment adds
# to its link (--wrap).
UNIT := $(patsubst $(S)/%.c,$(B)/%,$(wildcard $(S)/testsuite/unit/test_*.c $(S)/testsuite/model/test_*.c))
UNIT_SHARED := $(B)/testsuite/unit/libshared.a
$(UNIT_SHARED): $(call to_object,$(filter-out $(S)/testsuite/unit/test_% $(S)/testsuite/model/test_%,\
	$(call sources,testsuite/unit testsuite/model)))
$(UNIT): %: %.o $(UNIT_SHARED) $(VDPA) $(VDUSE) $(VIRTIO) $(LIB)
$(UNIT): EXTRA = -lcmocka $(shell sed -n 's/^.*LDFLAGS: *\([^*]*\).*/\1/p' $(patsubst $(B)/%,$(S)/%.c,$@))
unit-tests: $(UNIT)

# The test of driver and device on two threads, once more under the thread sanitizer,
# which has to see the engine as well. -Wno-tsan: it knows no fences, and needs none
# here, since data are handed over by release and acquire.
TSAN := $(B)/testsuite/unit/tsan_virtq_threads
TSAN_SOURCES := $(addprefix $(S)/testsuite/unit/,test_virtq_threads.c driver_any.c driver_ring.c \
	driver_packed.c) $(call sources,vduse/virtio)
$(TSAN): $(TSAN_SOURCES) $(wildcard $(S)/vduse/virtio/*.h $(S)/testsuite/unit/driver_*.h) config.mk
	@mkdir -p $(@D)
	$(say) CC $(patsubst $(B)/%,%,$@)
	$(Q)$(CC) $(ALL_CPPFLAGS) -std=gnu11 -g -O1 $(WARNINGS) $(ERRORS) -fsanitize=thread -Wno-tsan \
		-o $@ $(filter %.c,$^) -lcmocka -lpthread
tsan: $(TSAN)
	TSAN_OPTIONS=halt_on_error=1 $(TSAN)

# Fuzz targets, each with a sanitized copy of all sources, built twice: replay runs the inputs
# that were kept, with the compiler that there is; fuzz looks for new ones, with clang.
FUZZ_TARGETS := split packed indirect net message netlink uevent command
FUZZ_CC := clang
# says something where it does not
FUZZER_WORKS = echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | \
	$(FUZZ_CC) -x c $(SANITIZE) -fsanitize=fuzzer -o /dev/null - >/dev/null 2>&1 || echo no
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
REPLAY := $(addprefix $(B)/replay/,$(FUZZ_TARGETS))
FUZZ := $(addprefix $(B)/fuzz/,$(FUZZ_TARGETS))
FUZZ_SHARED := $(filter-out $(addprefix %/,$(FUZZ_TARGETS:=.c) replay.c),$(call sources,testsuite/fuzz))
FUZZED := $(filter-out %/main.c,$(call sources,lib vduse/virtio vduse/device vduse/process \
	vduse/watch vduse vdpa)) $(FUZZ_SHARED) $(addprefix $(S)/testsuite/unit/,made_kernel.c fault_calls.c)
$(B)/replay/libfuzzed.a: $(patsubst $(S)/%.c,$(B)/replay/%.o,$(FUZZED))
$(B)/fuzz/libfuzzed.a: $(patsubst $(S)/%.c,$(B)/fuzz/%.o,$(FUZZED))
$(REPLAY): $(B)/replay/%: $(B)/replay/testsuite/fuzz/%.o $(B)/replay/testsuite/fuzz/replay.o $(B)/replay/libfuzzed.a
$(FUZZ): $(B)/fuzz/%: $(B)/fuzz/testsuite/fuzz/%.o $(B)/fuzz/libfuzzed.a
fuzz-targets: $(FUZZ)
fuzz-replay: $(REPLAY)

# Programs that the tests run in the guest, on its PATH.
GUEST := $(patsubst $(S)/%.c,$(B)/%,$(call sources,testsuite/guest))
$(GUEST): %: %.o $(VDUSE) $(VIRTIO) $(LIB)
guest-programs: $(GUEST)

# The driver, the floor and the engine in one process; built with the flags of the programs.
BENCH_RING := $(B)/testsuite/bench/ring/main
$(BENCH_RING): $(call to_object,$(call sources,testsuite/bench/ring)) $(VDUSE) $(VIRTIO) $(LIB)

# The test bed's own: static, because they run before there is a root, and
# quicker to start; never instrumented.
VM := $(addprefix $(B)/testsuite/vm/,init agent exec vm-state)
$(VM): ALL_LDFLAGS = -static
$(B)/testsuite/vm/%: ALL_CFLAGS = -std=gnu11 -O2 $(WARNINGS) $(ERRORS)
$(B)/testsuite/vm/init: $(B)/testsuite/vm/init.o
$(B)/testsuite/vm/vm-state: $(B)/testsuite/vm/state.o
$(addprefix $(B)/testsuite/vm/,agent exec): %: %.o $(addprefix $(B)/testsuite/vm/,stream.o session.o)
$(VM): LIBS =
vm-programs: $(VM)

# Shell completion: the tables of the commands, printed by a program that has them, and
# what walks through them. Packages that are built for another machine run it there.
TABLES := $(B)/completions/tables
$(TABLES): $(B)/completions/tables.o $(VDPA) $(VDUSE) $(VIRTIO) $(LIB)
COMPLETIONS := $(foreach program,$(notdir $(PROGRAMS)),$(addprefix $(B)/completions/,\
	$(program) _$(program) $(program).fish))
completions: $(COMPLETIONS) $(TABLES)
everything: programs completions unit-tests guest-programs vm-programs $(BENCH_RING)

# -- rules -----------------------------------------------------------------------

$(B)/%.o: $(S)/%.c config.mk
	@mkdir -p $(@D)
	$(say) CC $(patsubst $(B)/%,%,$@)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/replay/%.o: $(S)/%.c config.mk
	@mkdir -p $(@D)
	$(say) CC $(patsubst $(B)/%,%,$@)
	$(Q)$(CC) $(ALL_CPPFLAGS) -std=gnu11 -g -O1 $(WARNINGS) $(ERRORS) $(SANITIZE) -MMD -MP -c -o $@ $<

$(B)/fuzz/%.o: $(S)/%.c config.mk
	@mkdir -p $(@D)
	$(say) CC $(patsubst $(B)/%,%,$@)
	$(Q)$(FUZZ_CC) $(ALL_CPPFLAGS) -std=gnu11 -g -O1 -Wall $(SANITIZE) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

# Made anew each time, so that no object of a source that is gone stays inside.
%.a:
	@mkdir -p $(@D)
	$(say) AR $(patsubst $(B)/%,%,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# The archives twice: unit tests link both commands, which know one another.
$(PROGRAMS) $(TABLES) $(UNIT) $(GUEST) $(BENCH_RING) $(VM):
	$(say) LD $(patsubst $(B)/%,%,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(EXTRA) $(LIBS)

FUZZ_WRAPS = $(shell sed -n 's/^.*LDFLAGS: *\([^*]*\).*/\1/p' $(S)/testsuite/fuzz/$(@F).c)
$(REPLAY):
	$(say) LD $(patsubst $(B)/%,%,$@)
	$(Q)$(CC) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(FUZZ_WRAPS) $(LIBS) -lpthread
$(FUZZ):
	$(say) LD $(patsubst $(B)/%,%,$@)
	$(Q)$(FUZZ_CC) $(SANITIZE) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(FUZZ_WRAPS) $(LIBS) -lpthread

# $(call complete,FORM,PROGRAM,WALKER,FIRST-LINE)
define complete
$(say) GEN $(patsubst $(B)/%,%,$@)
$(Q){ printf '%s\n' '$(4)' '# SPDX-License-Identifier: GPL-2.0-or-later' \
	'# Made from the tables of $(2) at build time; see completions/README.' '' && \
	$(TABLES) $(1) $(2) && sed 's/PROGRAM/$(2)/g' $(S)/completions/walk.$(3); } >$@
endef
$(B)/completions/_%: $(TABLES) $(S)/completions/walk.zsh
	$(call complete,sh,$*,zsh,#compdef $*)
$(B)/completions/%.fish: $(TABLES) $(S)/completions/walk.fish
	$(call complete,fish,$*,fish,# fish completion of $*)
$(addprefix $(B)/completions/,$(notdir $(PROGRAMS))): $(B)/completions/%: $(TABLES) $(S)/completions/walk.bash
	$(call complete,sh,$*,bash,# bash completion of $*)

-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d $(B)/*/*/*/*.d)

# -- running ---------------------------------------------------------------------

export VT_BUILD := $(abspath $(B))

# BATS=FILE... and FILTER=REGEX run some of the tests only.
# clang's fuzz targets are for those who have it.
check check-all: deps $(if $(BATS)$(FILTER),programs completions guest-programs vm-programs,everything fuzz-replay $(if $(shell $(FUZZER_WORKS)),,fuzz-targets))
	@$(S)/testsuite/run $(if $(filter check-all,$@),--slow) $(if $(FILTER),--filter '$(FILTER)') $(BATS)

# SECONDS=60 each target, TARGETS="split net" some of them, KEEP=1: what was found becomes the corpus.
SECONDS := 60
fuzz: deps
	@[ -z "$$($(FUZZER_WORKS))" ] || \
		{ echo "make fuzz: it takes clang with its libraries (Debian: clang libclang-rt-14-dev)" >&2; exit 1; }
	@MAKEFLAGS= $(MAKE) --no-print-directory CC='$(CC)' fuzz-targets
	@SECONDS_EACH=$(SECONDS) $(S)/testsuite/fuzz/run $(if $(KEEP),--keep) $(TARGETS)

# Which guards of the cases the corpora notice the loss of; GUARDS=20: inputs are looked for, so many
# seconds each, where none does.
fuzz-guards: deps
	@VT_BUILD=$(abspath $(B)) $(S)/testsuite/fuzz/guards --build $(B)/guards $(if $(GUARDS),--seconds $(GUARDS))

# Two hundred kills of who serves a device, under traffic; a few minutes.
recovery: deps programs guest-programs vm-programs
	@$(S)/testsuite/run $(S)/testsuite/slow/recovery.bats

# The guards, changed one at a time: FILES="vduse/virtio lib/parse.c" some of them, SAMPLE=100
# that many, LIMIT=2 without the programs that take longer, in seconds; CASES=1 those that the
# cases with a number stand for.
mutate: deps
	@$(S)/testsuite/mutate/mutate --build $(B)/mutate $(if $(SAMPLE),--sample $(SAMPLE)) \
		$(if $(LIMIT),--limit $(LIMIT)) $(if $(CASES),--cases) $(FILES)

# What was reached, as a table; TAP=FILE: of these tests, which make check printed.
figures: deps everything fuzz-replay completions
	@$(S)/testsuite/figures --build $(B) $(if $(TAP),--tap $(TAP))

demo: deps programs guest-programs vm-programs
	@test -f $(S)/testsuite/demo || { echo "make demo: there is no testsuite/demo" >&2; exit 1; }
	@$(S)/testsuite/vm/run bash -c "$$(cat $(S)/testsuite/demo)" demo </dev/null

# Tables of ratios, each within one run: who measures on a machine that does other work
# sees them shrink and grow together.
bench-cli: deps programs guest-programs vm-programs
	@VM_ICOUNT=$${VM_ICOUNT-1} $(S)/testsuite/vm/run bash -c "$$(cat $(S)/testsuite/bench/cli)" bench-cli $(ROUNDS) </dev/null

# The virtqueue engine beside a floor, without a kernel.
bench-ring: $(BENCH_RING)
	@$(BENCH_RING) $(ROUNDS)

# The loopback device beside veth, in the guest, with its two processors.
bench-vm: deps programs guest-programs vm-programs
	@$(S)/testsuite/vm/run bash -c "$$(cat $(S)/testsuite/bench/vm/run)" bench-vm $(ROUNDS) </dev/null

# What a device costs when there are 1, 10, 100 and 1000, in one process and in one each.
bench-scale: deps programs guest-programs vm-programs
	@VM_ICOUNT=$${VM_ICOUNT-1} VM_MEM=$${VM_MEM-4096} $(S)/testsuite/vm/run bash -c "$$(cat $(S)/testsuite/bench/vm/scale)" bench-scale $(COUNTS) </dev/null

# How long after a device was made a reader of vduse monitor has the line.
bench-monitor: deps programs guest-programs vm-programs
	@$(S)/testsuite/vm/run bash -c "$$(cat $(S)/testsuite/bench/monitor)" bench-monitor $(ROUNDS) </dev/null

# Devices live and die at random, under traffic, for HOURS=1 (0.05 are three minutes); SEED=N.
soak: deps programs guest-programs vm-programs
	@$(S)/testsuite/soak/run $(or $(HOURS),1) $(SEED)

# A shell in the test guest, or RUN='COMMAND' there.
vm: deps programs guest-programs vm-programs
	@$(S)/testsuite/vm/run $(RUN)

# -- installing ------------------------------------------------------------------

MANUALS = $(wildcard $(S)/man/man[1-9]/*.[1-9])
SCHEMAS = $(wildcard $(S)/schema/*.json)
SCHEMADIR = $(PREFIX)/share/vduse-tools/schema
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR = $(PREFIX)/share/zsh/site-functions
FISHDIR = $(PREFIX)/share/fish/vendor_completions.d
# systemd reads these below /usr and /usr/local; FOLDER/vduse.conf is systemd/FOLDER.conf here.
SYSTEMD_CONFIGURATIONS := modules-load sysusers tmpfiles
bash_completions = $(notdir $(PROGRAMS))
zsh_completions = $(addprefix _,$(bash_completions))
fish_completions = $(addsuffix .fish,$(bash_completions))

install: programs completions
	install -d "$(DESTDIR)$(SBINDIR)"
	$(if $(PROGRAMS),install -m 0755 $(PROGRAMS) "$(DESTDIR)$(SBINDIR)")
	install -d "$(DESTDIR)$(SCHEMADIR)"
	install -m 0644 $(SCHEMAS) "$(DESTDIR)$(SCHEMADIR)"
	install -d "$(DESTDIR)$(BASHDIR)" "$(DESTDIR)$(ZSHDIR)" "$(DESTDIR)$(FISHDIR)"
	install -m 0644 $(addprefix $(B)/completions/,$(bash_completions)) "$(DESTDIR)$(BASHDIR)"
	install -m 0644 $(addprefix $(B)/completions/,$(zsh_completions)) "$(DESTDIR)$(ZSHDIR)"
	install -m 0644 $(addprefix $(B)/completions/,$(fish_completions)) "$(DESTDIR)$(FISHDIR)"
	@set -e; for page in $(MANUALS); do \
		folder="$(DESTDIR)$(MANDIR)/man$${page##*.}"; \
		echo "install -m 0644 $$page $$folder"; \
		install -d "$$folder"; install -m 0644 "$$page" "$$folder"; \
	done
	install -d "$(DESTDIR)$(SYSCONFDIR)/vduse" "$(DESTDIR)$(UNITDIR)" "$(DESTDIR)$(UDEVDIR)"
	sed 's,@SBINDIR@,$(SBINDIR),g; s,@SYSCONFDIR@,$(SYSCONFDIR),g' $(S)/systemd/vduse@.service.in \
		>"$(DESTDIR)$(UNITDIR)/vduse@.service"
	chmod 0644 "$(DESTDIR)$(UNITDIR)/vduse@.service"
	install -m 0644 $(S)/systemd/60-vduse.rules "$(DESTDIR)$(UDEVDIR)"
	@set -e; for kind in $(SYSTEMD_CONFIGURATIONS); do \
		folder="$(DESTDIR)$(PREFIX)/lib/$$kind.d"; \
		echo "install -m 0644 $(S)/systemd/$$kind.conf $$folder/vduse.conf"; \
		install -d "$$folder"; install -m 0644 "$(S)/systemd/$$kind.conf" "$$folder/vduse.conf"; \
	done

uninstall:
	rm -f $(foreach program,$(PROGRAMS),"$(DESTDIR)$(SBINDIR)/$(notdir $(program))")
	rm -f $(foreach schema,$(SCHEMAS),"$(DESTDIR)$(SCHEMADIR)/$(notdir $(schema))")
	rm -f $(foreach script,$(bash_completions),"$(DESTDIR)$(BASHDIR)/$(script)")
	rm -f $(foreach script,$(zsh_completions),"$(DESTDIR)$(ZSHDIR)/$(script)")
	rm -f $(foreach script,$(fish_completions),"$(DESTDIR)$(FISHDIR)/$(script)")
	rm -f "$(DESTDIR)$(UNITDIR)/vduse@.service" "$(DESTDIR)$(UDEVDIR)/60-vduse.rules"
	rm -f $(foreach kind,$(SYSTEMD_CONFIGURATIONS),"$(DESTDIR)$(PREFIX)/lib/$(kind).d/vduse.conf")
	rm -f $(foreach page,$(MANUALS),"$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page))")

dist:
	git -C $(S) archive --format=tar.gz --prefix=vduse-tools-$(VERSION)/ \
		-o "$(CURDIR)/vduse-tools-$(VERSION).tar.gz" HEAD

# Debian packages of the last commit, in build/deb; debian/rules has what is special. It says
# what lintian thinks of them.
DEB := $(abspath $(B))/deb
deb:
	rm -rf "$(DEB)" && mkdir -p "$(DEB)"
	git -C $(S) archive --prefix=vduse-tools-$(VERSION)/ HEAD | tar -x -C "$(DEB)"
	cd "$(DEB)/vduse-tools-$(VERSION)" && SOURCE_DATE_EPOCH=$$(git -C $(abspath $(S)) log -1 --format=%ct) \
		env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc -b
	cd "$(DEB)" && lintian --fail-on error,warning --info ./*.changes

clean:
	rm -rf $(B)

distclean: clean
	rm -f config.mk

help:
	@echo 'make [V=1]        build vdpa and vduse (./configure is run first if it was not)'
	@echo 'make check        all tests: unit tests, checks, and the suite on a real kernel in a VM'
	@echo '                  BATS=testsuite/FILE.bats FILTER=REGEX: one file, one test'
	@echo 'make check-all    those and the slow ones'
	@echo 'make fuzz         hostile rings, frames, messages and words, made up; SECONDS=60 of each kind'
	@echo 'make fuzz-guards  which guards the kept inputs notice the loss of; GUARDS=20 looks for more'
	@echo 'make recovery     the device process killed 200 times under traffic: nothing lost, nothing doubled'
	@echo 'make mutate       each guard taken out in turn: what the unit tests would not notice'
	@echo '                  FILES="vduse/virtio lib/parse.c" SAMPLE=100: some of them'
	@echo '                  CASES=1: the guards of the cases that have a number'
	@echo 'make figures      the tests, counted: cases, states, coverage, as a table; TAP=FILE'
	@echo 'make tsan         the virtqueue engine on two threads under the thread sanitizer'
	@echo 'make demo         the whole life of a device on a real kernel'
	@echo 'make bench-cli    what vdpa costs beside iproute2'"'"'s, with 1, 100 and 1000 devices'
	@echo 'make bench-ring   what the virtqueue engine costs beside a floor, without a kernel'
	@echo 'make bench-vm     frames, TCP and round trips through the device, beside veth, and what it costs'
	@echo 'make bench-scale  1, 10, 100 and 1000 devices: memory, processor time, and how best to serve them'
	@echo 'make bench-monitor how soon vduse monitor tells of a device'
	@echo 'make soak         devices live and die at random under traffic, for HOURS=1'
	@echo 'make vm           a shell on that kernel; RUN="COMMAND" runs one command'
	@echo 'make deps         install what building and testing needs (root, apt)'
	@echo 'make install      DESTDIR=, PREFIX=, SBINDIR=, MANDIR=, SYSCONFDIR=, UNITDIR=, UDEVDIR=;  make uninstall'
	@echo 'make deb          Debian packages, in build/deb (needs debhelper, lintian)'
	@echo 'make dist         a source archive;  make clean'
	@echo 'WERROR=1 makes warnings errors; CI=true does, too.'
