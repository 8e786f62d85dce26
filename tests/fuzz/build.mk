# Builds fuzz targets with clang, beside the tree's own build. Run from the top of a source tree, by fuzz.sh:
#   make -f tests/fuzz/build.mk OUT=DIR MODE=fuzz|coverage BUILD=CONFIGURED-TREE TARGET…
# OUT: where objects and programs go, absolute. Only what changed is compiled again.

CC = clang
targets := $(patsubst tests/fuzz/%.c,%,$(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c)))
packages = jansson libevent_core libsystemd libconfuse
# Not the command lines, nor what finds the configuration: they need to know where things are installed.
left_out = daemon/main.c daemon/launch.c daemon/options.c daemon/sources.c
sources := $(wildcard protocol/*.c) $(filter-out $(left_out),$(wildcard daemon/*.c))
objects := $(sources:%.c=$(OUT)/%.o) $(OUT)/protocol/interface.o

# What the target dispatch is made of beside its own file; see tests/core/local.mk.
core := $(patsubst %.c,$(OUT)/%.o,$(filter-out tests/core/dispatch_%.c,$(wildcard tests/core/*.c)))
core_flags = -Wl,--wrap=clock_gettime,--wrap=kill,--wrap=waitid

flags_fuzz = -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
flags_coverage = -O0 -fprofile-instr-generate -fcoverage-mapping
link_fuzz = -fsanitize=fuzzer,address,undefined
link_coverage = -fprofile-instr-generate $(OUT)/tests/fuzz/replay.o

CFLAGS := -std=gnu11 -g $(flags_$(MODE)) -I. -I$(BUILD) -include config.h $(shell pkg-config --cflags $(packages))
LIBS := $(shell pkg-config --libs $(packages)) -lm

.PHONY: all $(targets)
.SECONDARY:
all: $(targets)
$(targets): %: $(OUT)/%

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -DFUZZ_NAME='"$(*F)"' -MMD -MP -MT '$$(OUT)/$*.o' -c -o $@ $<
$(OUT)/protocol/interface.o: $(BUILD)/protocol/interface.c
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -c -o $@ $<
$(OUT)/code.a: $(objects)
	@rm -f $@ && ar rcs $@ $^
$(targets:%=$(OUT)/%): $(OUT)/%: $(OUT)/tests/fuzz/%.o $(OUT)/code.a $(OUT)/tests/fuzz/replay.o
	@$(CC) $(CFLAGS) -o $@ $< $(extra) $(link_$(MODE)) $(OUT)/code.a $(LIBS)
$(OUT)/dispatch: $(core)
$(OUT)/dispatch: extra = $(core) $(core_flags)

-include $(wildcard $(OUT)/*/*.d $(OUT)/*/*/*.d)
