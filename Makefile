# One table of commands; `make help` prints it.

PYTHON ?= python3.11
BIN := .venv/bin
RESULTS ?= results

# One thread a process: numbers are then the same on every run of one machine, and two
# processes on two cores do not fight over them.
export OMP_NUM_THREADS = 1
export OPENBLAS_NUM_THREADS = 1
export NPROC = 1

.DEFAULT_GOAL := help
.PHONY: help demo test check test-all bench docs lock deps clean \
	lint format types layers quick-tests tests

help: ## this table
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/installed ## a survey grid, a study of spectra, retention times: all in results/
	$(BIN)/errorbar survey run --out $(RESULTS)
	$(BIN)/errorbar hmf toy --small --out $(RESULTS)/hmf_toy
	$(BIN)/errorbar rt synth --small --out $(RESULTS)/rt
	$(BIN)/errorbar rt train $(RESULTS)/rt/train.csv --chemistry $(RESULTS)/rt/chemistry.csv \
		--out $(RESULTS)/rt/pool
	$(BIN)/errorbar rt predict $(RESULTS)/rt/pool --standards $(RESULTS)/rt/IS.csv \
		--compounds $(RESULTS)/rt/list.csv --out $(RESULTS)/rt/times.csv
	$(BIN)/errorbar rt evaluate $(RESULTS)/rt/pool $(RESULTS)/rt/test.csv \
		--training $(RESULTS)/rt/train.csv --out $(RESULTS)/rt/evaluation
	@echo
	@echo "Tables, figures and the report are in $(RESULTS)/; open $(RESULTS)/report.html first."
	@echo "The study of spectra is in $(RESULTS)/hmf_toy/, its pictures in figures/ there."
	@echo "Retention times are in $(RESULTS)/rt/: open evaluation/report.html there; times.csv has"
	@echo "one run's times with their intervals."

test: deps .venv/installed lint types layers tests docs ## everything a change must pass

check: .venv/installed lint types layers quick-tests ## the fast part of `make test`, for while you work

test-all: .venv/installed lint types layers docs ## `make test` and the tests marked slow
	$(BIN)/pytest -m ""

bench: .venv/installed ## timings against other samplers; prints, never asserts
	$(BIN)/python -m benchmarks

docs: .venv/installed ## the pages, in docs/_build/html
	$(BIN)/sphinx-build --fail-on-warning --keep-going -q -b html docs docs/_build/html

# Tests start a PostgreSQL of their own; the package's would start another, so its start is held back.
POLICY := /usr/sbin/policy-rc.d
POSTGRESQL = $(or $(wildcard /usr/lib/postgresql/*/bin/initdb),$(shell command -v initdb))

deps: ## Debian parts that test servers need
	@if [ -n "$(POSTGRESQL)" ]; then \
		:; \
	elif ! command -v apt-get > /dev/null; then \
		echo "deps: skipped, this is no Debian; tests against PostgreSQL need its initdb."; \
	elif [ "$$(id -u)" != 0 ]; then \
		echo "deps: skipped, not root; tests against PostgreSQL need: apt-get install postgresql"; \
	else \
		echo "deps: installing postgresql"; \
		held=; \
		[ -e $(POLICY) ] || { printf '#!/bin/sh\nexit 101\n' > $(POLICY); chmod +x $(POLICY); held=1; }; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -qq -y --no-install-recommends postgresql > /dev/null; } \
			|| echo "deps: postgresql could not be installed; tests against it are skipped."; \
		[ -z "$$held" ] || rm -f $(POLICY); \
	fi

lock: .venv/installed ## resolve the dependencies of pyproject.toml again, with hashes
	$(BIN)/uv pip compile --no-config --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --all-extras \
		--custom-compile-command "make lock" -o requirements.lock pyproject.toml > /dev/null
	@if grep -nE '^-|://|file:' requirements.lock; then \
		echo "lock: the lines above name an index or a path; requirements.lock must not."; \
		exit 1; \
	fi

clean: ## remove what the commands above have made, .venv included
	rm -rf .venv $(RESULTS) docs/_build docs/gallery dist \
		.pytest_cache .ruff_cache .hypothesis .import_linter_cache

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: .venv/installed ## put every file into the house layout
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: .venv/installed
	$(BIN)/pyright

layers: .venv/installed
	$(BIN)/lint-imports

tests: .venv/installed
	$(BIN)/pytest -n 2 --dist loadfile

quick-tests: .venv/installed
	$(BIN)/pytest -q -m "not slow and not heavy"

# The targets are stamps, not the folder: a half-made environment would look done.
.venv/locked: requirements.lock
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --progress-bar off --require-hashes -r requirements.lock
	@touch $@

.venv/installed: .venv/locked pyproject.toml
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $@
