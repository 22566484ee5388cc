PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

PROMETHEUS := $(VENV)/prometheus/usr/bin/prometheus

.PHONY: demo test lint unit bench bench-quick chaos simulate render clean

## demo: set everything up, then run the code-generation workflow on a real Kafka and PostgreSQL
demo: $(STAMP)
	$(BIN)/python examples/demo.py

## test: lint, types, unit, conformance and integration tests on a real Kafka and PostgreSQL
test: lint $(PROMETHEUS)
	$(BIN)/python -m coverage run -m pytest tests/mixins
	$(BIN)/python -m coverage report
	$(BIN)/python -m pytest --ignore tests/mixins

# The tests judge metrics and alert rules by Prometheus itself. Where it is not installed, Debian's package is unpacked
# beside the environment: nothing is installed, nothing is started.
$(PROMETHEUS): $(STAMP)
	mkdir -p $(@D) $(VENV)/prometheus/deb
	if command -v prometheus promtool; then \
		ln -sf "$$(command -v prometheus)" "$$(command -v promtool)" $(@D)/; \
	else \
		cd $(VENV)/prometheus/deb && (apt-get download -qq prometheus || (apt-get update -qq && apt-get download -qq prometheus)) && \
		dpkg-deb -x prometheus_*.deb .. && touch ../usr/bin/prometheus; \
	fi

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/onex contract validate services examples/orders
	$(BIN)/onex contract render --check

## chaos: three brokers, all nodes under load, random faults, and a ledger; SEED=7 FAULTS=30 repeats a run
chaos: $(STAMP)
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) --faults $(or $(FAULTS),18)

## simulate: many more schedules of the deterministic simulation than the tests run; COUNT=100000 for a long night
simulate: $(STAMP)
	$(BIN)/python -m tests.simulation --start $(or $(START),10000) --count $(or $(COUNT),10000)

unit: $(STAMP)
	$(BIN)/python -m pytest tests/unit

## render: write topics/ and schemas/ from the contracts
render: $(STAMP)
	$(BIN)/onex contract render
	$(BIN)/python -m tests.mixins.render

# Benchmarks have environments of their own: the mesh's on an interpreter built with optimisations (Debian's is; many
# built by hand are not, and cost half of the speed), and the peers', whose pins differ. Java peers need JDK and Maven.
BENCH_PYTHON ?= $(firstword $(wildcard /usr/bin/python3) $(PYTHON))
BENCH := build/bench
BENCH_STAMP := $(BENCH)/.installed

$(BENCH_STAMP): pyproject.toml benchmarks/peers.txt benchmarks/java/pom.xml $(wildcard benchmarks/java/src/*.java)
	@echo "setting up $(BENCH) (once, some minutes)"
	$(BENCH_PYTHON) -m venv $(BENCH)/venv
	$(BENCH)/venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench]'
	$(BENCH_PYTHON) -m venv $(BENCH)/peers
	$(BENCH)/peers/bin/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/peers.txt
	if command -v javac mvn; then \
		mvn -q -B -f benchmarks/java compile dependency:copy-dependencies -DoutputDirectory=$(abspath $(BENCH))/java/libs; \
	fi
	@touch $@

## bench: everything that benchmarks/RESULTS.md says, beside every peer; an hour, on a machine that does nothing else
bench: $(BENCH_STAMP)
	for name in stages price total scale slow latency retry state growth start capabilities; do \
		$(BENCH)/venv/bin/python -m benchmarks.$$name || exit 1; \
	done
	$(BENCH)/venv/bin/python -m benchmarks.results

## bench-quick: the mesh beside a hand-written loop and Quix Streams, under three minutes once set up
bench-quick: $(BENCH_STAMP)
	$(BENCH)/venv/bin/python -m benchmarks.price --quick --runs 3 --count 120000 --window 5
	$(BENCH)/venv/bin/python -m benchmarks.latency --quick --runs 1

$(STAMP): pyproject.toml
	@echo "setting up $(VENV) (once, about a minute)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf .onex build
