# The few commands people type. On Windows and macOS use cargo itself; see the README.
#
# One profile, release, serves demo, test and lint: the dependencies are compiled once, and the tests, which hold every
# kernel against f64 twins on the host, run at full speed.
CARGO ?= cargo

# silences a layer of Mesa that writes to stderr
export NODEVICE_SELECT = 1

.PHONY: help demo test lint bench bench-peers setup

help:
	@echo 'make demo    train a toy set, sample it, measure it, draw it into demo/figures/'
	@echo 'make test    all tests, on the device there is'
	@echo 'make lint    rustfmt and clippy, warnings are errors'
	@echo 'make bench   what the device can do, and what this program makes of it'
	@echo 'make bench-peers   the same beside PyTorch, JAX and burn (environments and a build: ten minutes and more)'
	@echo 'make setup   what demo and test do first: a Vulkan driver, if Debian or Ubuntu has none'

demo: setup
	$(CARGO) run --release --locked -- demo

test: setup
	$(CARGO) test --release --locked

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --release --locked --all-targets -- -D warnings

setup:
	@sh tools/setup.sh

bench: setup
	$(CARGO) run --release --locked -- bench --quick

bench-peers: setup
	benches/peers/run
