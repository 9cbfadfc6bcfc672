# make train   install what is missing, build, train a CNN on handwritten digits with all cores
# make test    install what is missing, build, run all tests
# make help    the rest

CONFIG ?= Config/digits.json
ARGS ?=
KILLS ?= 12
# Debug kernels are a hundred times slower, so tests run optimised, in a build folder of their own: their flags
# differ from the program's, and alternating between them in one folder would rebuild everything each time.
TEST_BUILD := -c release --scratch-path .build/testing -Xswiftc -enable-testing
SWIFT_FILES := Sources Tests Package.swift
GOLDEN := Tests/Fixtures/golden

.PHONY: help setup build train test test-avx2 torture format lint bench golden clean

help:
	@echo "make train [CONFIG=file] [ARGS='--epochs 5']   build and train (default: Config/digits.json)"
	@echo "make test [ARGS='--filter Name']                build and run the tests"
	@echo "make test-avx2                                  the same bits on an emulated AVX2 processor (installs qemu-user)"
	@echo "make torture [KILLS=1000]                       kill runs at random moments, compare what they end in"
	@echo "make build                                      .build/release/lockstep"
	@echo "make bench [ARGS='--nets lenet --rounds 3']     compare with PyTorch and TensorFlow (installs both)"
	@echo "make format, make lint                          format the sources, or check that they are formatted"
	@echo "make golden                                     compute the golden fixtures again (installs PyTorch)"
	@echo "make clean                                      remove everything that was built"

setup:
	@bash .ci/setup

build: setup
	@echo "==> Building lockstep"
	@swift build -c release --product lockstep

train: build
	@.build/release/lockstep train $(CONFIG) $(ARGS)

test: setup
	@echo "==> Building and running the tests"
	@swift test $(TEST_BUILD) --disable-xctest $(ARGS)

test-avx2: build
	@.ci/check-avx2

torture: build
	@Tests/Torture/torture .build/release/lockstep $(KILLS)

format:
	swift format --in-place --recursive $(SWIFT_FILES)

lint:
	swift format lint --strict --recursive $(SWIFT_FILES)

bench: setup
	@Benchmarks/run $(ARGS)

golden:
	@Benchmarks/setup-python numpy safetensors torch
	@for script in post convolution softmax; do Benchmarks/.venv/bin/python $(GOLDEN)/make_$$script.py || exit 1; done
	@Benchmarks/.venv/bin/python $(GOLDEN)/make_sgd.py Sources/Datasets/Resources

clean:
	rm -rf .build
