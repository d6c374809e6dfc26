# `make` alone shows the targets. Each does one thing; `make test` does all checks in order.
.DEFAULT_GOAL := help
.NOTPARALLEL:
SHELL := /bin/sh
BIN := .venv/bin

# Arguments for one run:  make run ARGS="--frames 48"   make fast ARGS="-k solve"
ARGS ?=
ROUNDS ?= 10
SEEDS ?= 0-4999

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Make .venv with everything in it (the second time needs no network)
	@tools/setup.sh

.PHONY: run
run: setup ## Render a movie on a small farm of this machine and show how it goes
	@$(BIN)/python -m demo.run $(ARGS)

.PHONY: test
test: setup packages lint types imports syntax tests ## Every check, in order, up to the first that fails
	@echo "== all checks passed"

.PHONY: packages
packages: ## Install the Debian packages that tests need
	@command -v ffmpeg >/dev/null && command -v identify >/dev/null && command -v openssl >/dev/null && command -v ps >/dev/null && command -v systemd-analyze >/dev/null \
		&& command -v tmux >/dev/null && command -v zsh >/dev/null \
		|| tools/debian.sh ffmpeg imagemagick openssl procps systemd tmux zsh

.PHONY: lint
lint: setup ## Style: ruff
	@echo "== style"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .

.PHONY: types
types: setup ## Types: basedpyright, strict on src
	@echo "== types"
	@$(BIN)/basedpyright

.PHONY: imports
imports: setup ## Which package may import which: import-linter
	@echo "== imports"
	@$(BIN)/lint-imports --no-logo >.venv/imports.log 2>&1 || { cat .venv/imports.log; exit 1; }

.PHONY: syntax
syntax: setup ## `import af` must run on Python 3.7: vermin
	@echo "== syntax of af for Python 3.7"
	@$(BIN)/vermin --quiet -t=3.7- --no-tips src/af

.PHONY: tests
tests: setup ## All tests, on two processes (the end-to-end ones included)
	@echo "== tests"
	@$(BIN)/pytest -q -n 2 --dist worksteal $(ARGS)

.PHONY: fast
fast: setup ## Only the tests without processes: seconds
	@$(BIN)/pytest -q -m "not e2e and not slow" $(ARGS)

.PHONY: e2e
e2e: setup packages ## Only the tests with real processes
	@$(BIN)/pytest -q -m e2e $(ARGS)

.PHONY: fuzz
fuzz: setup ## The property tests with fifty times more examples
	@HYPOTHESIS_PROFILE=soak $(BIN)/pytest -q --timeout=3600 tests/core $(ARGS)

.PHONY: sim
sim: setup ## Live through thousands of simulated farms: SEEDS=A-B (0-4999)
	@$(BIN)/python -m afanasy.sim --seeds $(SEEDS) -j 2 $(ARGS)

.PHONY: soak
soak: setup ## The kill -9 tests ROUNDS times (10)
	@for n in $$(seq $(ROUNDS)); do echo "== round $$n"; $(BIN)/pytest -q tests/e2e/test_kills.py $(ARGS) || exit 1; done

.PHONY: bench
bench: setup ## Measure: core, durable tasks a second, latencies, memory
	@$(BIN)/python bench/farm/run.py $(ARGS)

.PHONY: reference
reference: setup ## Write docs/reference anew from the code
	@$(BIN)/python -m afanasy.reference

.PHONY: clean
clean: ## Remove what tools and demos leave behind (.venv stays)
	rm -rf .afanasy .ruff_cache .hypothesis .import_linter_cache .pytest_cache build dist
	find src tests demo tools bench -name __pycache__ -type d -prune -exec rm -rf {} +
