# Python in PATH, unless it is too old, has no venv, or was built without optimisations, as by `pyenv install`: tests and
# agents take longer with it. Then the system's, if that is complete. PYTHON=python3.13 takes that one, as it is.
COMPLETE := import sys, sysconfig, ensurepip, venv; complete = sys.version_info >= (3, 11)
OPTIMISED := "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
ifndef PYTHON
PYTHON := $(shell python3 -c '$(COMPLETE); sys.exit(not (complete and $(OPTIMISED)))' 2>/dev/null && echo python3 || \
	{ /usr/bin/python3 -c '$(COMPLETE); sys.exit(not complete)' 2>/dev/null && echo /usr/bin/python3; } || echo python3)
endif
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DOCS_STAMP := $(VENV)/.docs
PIP_OPTIONS := --quiet --disable-pip-version-check --constraint constraints.txt

# Tests start hundreds of processes. Where an environment forbids bytecode, as many containers do, each of them would
# compile all modules again: a sixth of the processor time of an agent's start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test mixins test-backends test-versions lint format docs bench bench-quick chaos fuzz simulate render constraints clean

## help: list these commands
help:
	@awk '/^## / { sub(/^## /, ""); name = ""; if (match($$0, /^[a-z-]+: /)) { name = substr($$0, 1, RLENGTH - 2); \
		sub(/^[a-z-]+: /, "") } sub(/^ +/, ""); printf "%-14s %s\n", name, $$0 }' $(firstword $(MAKEFILE_LIST))

## demo: set everything up, then run the code-generation workflow on a real Kafka and PostgreSQL
demo: $(STAMP)
	$(BIN)/python examples/demo.py

# Tests with servers wait for brokers and agents more than they compute: two workers a processor.
PROCESSORS := $(shell $(PYTHON) -c 'import os; print(len(os.sched_getaffinity(0)))')
CHECK_WORKERS := $(or $(WORKERS),$(PROCESSORS))
WORKERS ?= $(shell $(PYTHON) -c 'print(min(8, 2 * $(PROCESSORS)))')
PYTEST := $(BIN)/python -m pytest --numprocesses
PARTS := unit mixins conformance integration simulation docs
ONLY ?= $(PARTS)
$(if $(filter-out $(PARTS),$(ONLY)),$(error ONLY=$(ONLY): parts are $(PARTS)))
COMPUTING = $(filter unit simulation,$(ONLY))
SERVING = $(filter conformance integration docs,$(ONLY)) $(if $(filter integration,$(ONLY)),chaos)
CHECKS = $(if $(filter $(words $(PARTS)),$(words $(ONLY))),lint) $(filter mixins,$(ONLY)) $(if $(COMPUTING),computing)

## test: lint, types and all tests, on an embedded Kafka and PostgreSQL; ONLY=unit (or mixins, conformance, integration,
##       simulation, docs) runs one part, WORKERS=4 sets how many tests run in parallel
test: $(STAMP)
	$(MAKE) --no-print-directory --jobs=3 $(if $(strip $(CHECKS)),checks) $(if $(strip $(SERVING)),serving)

# What only computes takes the time of the processors that the tests with servers leave. A third of their weight, not the
# tenth of plain `nice`: on a slow machine that was one twentieth of a processor.
.PHONY: checks computing serving
checks: $(STAMP)
	nice -n 5 $(MAKE) --no-print-directory $(if $(word 2,$(ONLY)),--output-sync=target) $(CHECKS)

computing: $(STAMP)
	$(PYTEST) $(CHECK_WORKERS) $(addprefix tests/,$(COMPUTING))

serving: $(STAMP)
	$(PYTEST) $(WORKERS) $(addprefix tests/,$(SERVING))

mixins: $(STAMP)
	$(PYTEST) $(CHECK_WORKERS) --cov --cov-report=term tests/mixins

## test-backends: tests against servers that Debian packages (tests/backends/packages.txt); fails when one is missing
test-backends: $(STAMP)
	$(PYTEST) $(WORKERS) tests/backends

## test-versions: tests that need no servers, on every supported Python that is here; VERSIONS="3.12 3.13" chooses
test-versions:
	$(PYTHON) -m tests.versions $(VERSIONS) --workers $(CHECK_WORKERS)

## lint: style, spelling, words, types, import rules, contracts
lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/python -m tests.prose
	$(BIN)/python -m tests.type_baseline
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/onex contract validate services examples/orders examples/faust examples/jobs
	$(BIN)/onex contract render --check

## format: format the code, and fix what ruff can fix
format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

## docs: build the documentation site in build/docs; a link that leads nowhere is an error
docs: $(DOCS_STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

## chaos: three brokers, all nodes under load, random faults, and a ledger; SEED=7 FAULTS=30 repeats a run
chaos: $(STAMP)
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) --faults $(or $(FAULTS),18)

## simulate: many more schedules of the deterministic simulation than the tests run; COUNT=100000 for a long night
simulate: $(STAMP)
	$(BIN)/python -m tests.simulation --start $(or $(START),10000) --count $(or $(COUNT),10000)

## fuzz: any bytes from senders, any exception from handlers: one outcome a record; COUNT=20000, SEED=7 repeats a block
fuzz: $(STAMP)
	$(BIN)/python -m tests.unit.hostile_records --count $(or $(COUNT),20000) --seed $(or $(SEED),0)

## render: write topics/, schemas/ and the rendered documents from contracts and models
render: $(STAMP)
	$(BIN)/onex contract render

## constraints: write constraints.txt again: the newest versions that pyproject.toml allows
constraints:
	$(PYTHON) -m venv --clear build/newest
	build/newest/bin/python -m pip install --quiet --disable-pip-version-check '.[dev,docs,bench]'
	{ sed -n '/^#/p' constraints.txt; build/newest/bin/python -m pip freeze --exclude onex-mesh; } > build/constraints.txt
	mv build/constraints.txt constraints.txt

# Benchmarks have environments of their own, one for the mesh and one for the peers, whose pins differ. Java peers need
# JDK and Maven.
BENCH := build/bench
BENCH_STAMP := $(BENCH)/.installed

$(BENCH_STAMP): pyproject.toml constraints.txt benchmarks/peers.txt benchmarks/java/pom.xml $(wildcard benchmarks/java/src/*.java)
	@echo "setting up $(BENCH) with $(PYTHON) (once, some minutes)"
	$(PYTHON) -m venv --clear $(BENCH)/venv
	$(BENCH)/venv/bin/python -m pip install $(PIP_OPTIONS) --editable '.[dev,bench]'
	$(PYTHON) -m venv --clear $(BENCH)/peers
	$(BENCH)/peers/bin/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/peers.txt
	if command -v javac mvn; then \
		mvn -q -B -f benchmarks/java compile dependency:copy-dependencies -DoutputDirectory=$(abspath $(BENCH))/java/libs; \
	fi
	@touch $@

## bench: everything in benchmarks/RESULTS.md, with every peer; hours, on a machine that does nothing else
bench: $(BENCH_STAMP)
	for name in stages price total scale slow latency retry state growth start reload capabilities; do \
		$(BENCH)/venv/bin/python -m benchmarks.$$name || exit 1; \
	done
	$(BENCH)/venv/bin/python -m benchmarks.results

## bench-quick: the mesh, a hand-written loop and Quix Streams, one run each
bench-quick: $(BENCH_STAMP)
	$(BENCH)/venv/bin/python -m benchmarks.price --quick --runs 1
	$(BENCH)/venv/bin/python -m benchmarks.latency --quick --runs 1

$(STAMP): pyproject.toml constraints.txt
	@echo "setting up $(VENV) with $(PYTHON) (once, about a minute)"
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install $(PIP_OPTIONS) --editable '.[dev]'
	@touch $@

$(DOCS_STAMP): $(STAMP)
	$(BIN)/python -m pip install $(PIP_OPTIONS) --editable '.[docs]'
	@touch $@

## clean: remove build/ and the local stack's folder .onex/
clean:
	rm -rf .onex build
