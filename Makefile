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
	$(BIN)/python -m pytest

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

bench: $(STAMP)
	$(BIN)/python -m benchmarks.price
	$(BIN)/python -m benchmarks.latency
	$(BIN)/python -m benchmarks.retry
	$(BIN)/python -m benchmarks.state
	$(BIN)/python -m benchmarks.results

bench-quick: $(STAMP)
	$(BIN)/python -m benchmarks.price --runs 3 --count 100000
	$(BIN)/python -m benchmarks.latency --runs 3 --count 200

$(STAMP): pyproject.toml
	@echo "setting up $(VENV) (once, about a minute)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf .onex build
