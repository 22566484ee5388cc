"""Servers shared by all tests: one real Kafka and one real PostgreSQL a session, started when first asked for."""

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextvars import copy_context
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import TypeVar

import pytest
from hypothesis import settings

from onex.agent.process.gc_tuning import tune_gc
from onex.bus.kafka import KafkaConfig, KafkaEventBusAdapter
from onex.codegen import Sandbox, case_files, package_files
from onex.local import LocalKafka, LocalPostgres
from onex.pytest_plugin.servers import local_kafka, local_postgres
from tests.distribution import scheduling, sort
from tests.rewriting import rewrite_share

settings.register_profile("mesh", deadline=None)  # how long an example takes is the machine's affair
settings.load_profile("mesh")

R = TypeVar("R")
ROOT = Path(__file__).parents[1]
SERVICES = ROOT / "services"
ORDERS = ROOT / "examples" / "orders"
CONTRACTS = ROOT / "examples" / "contracts"
NODES = ROOT / "tests" / "nodes"
FAUST = ROOT / "examples" / "faust"
JOBS = ROOT / "examples" / "jobs"

for folder in (SERVICES, ORDERS, FAUST, JOBS, NODES):
    sys.path.append(str(folder))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect garbage seldom, as an agent does.

    A worker has several hundred thousand objects of modules and tests, which live until its end. Python searches them
    again and again: a tenth of the time of the simulation.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        tune_gc()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests: every worker, and a run without workers, has the same order."""
    sort(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Distribute the tests among the workers."""
    return scheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Run a test in a context of its own, as an agent does a message: no test finds the sender of another one's."""
    test, context = pyfuncitem.obj, copy_context()

    @wraps(test)  # Hypothesis has pytest show a failure while the test runs: pytest looks for its code.
    def in_context(**arguments: object) -> object:
        return context.run(test, **arguments)

    pyfuncitem.obj = in_context
    try:
        return (yield)
    finally:
        pyfuncitem.obj = test


def pytest_sessionstart(session: pytest.Session) -> None:
    """Rewrite this worker's share of the tests, before it collects all of them."""
    match getattr(session.config, "workerinput", None):
        case {"workerid": str(name), "workercount": int(workers)}:
            rewrite_share(session.config, int(name.removeprefix("gw")), workers)


def pytest_configure() -> None:
    """Clean up after SIGTERM as after an interrupt."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    if asyncio.run(Sandbox("namespaces", 10.0).problem()):
        os.environ["ONEX_SANDBOX"] = "process"  # where this machine allows no namespaces, nor do its tests
    # A background job of a shell ignores SIGINT, and its tests would not see what an interruption does.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """A broker. A test that needs it fails when it cannot start."""
    # The topics of a whole session fill two thirds of the usual heap; a full collection stops the broker for seconds.
    with local_kafka(tmp_path_factory.mktemp("kafka"), heap="1g") as server:
        yield server


@pytest.fixture(scope="session")
def kafka_bus(kafka: LocalKafka) -> Iterator[KafkaEventBusAdapter]:
    """A bus on the shared broker."""
    bus = KafkaEventBusAdapter(KafkaConfig(kafka.bootstrap_servers))
    yield bus
    bus.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[LocalPostgres]:
    """A PostgreSQL server."""
    with local_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A services folder with a package for every example contract; one a session, as modules are imported once."""
    root = tmp_path_factory.mktemp("generated")
    for contract in sorted(CONTRACTS.glob("*.yaml")):
        text = contract.read_text()
        for name, content in {**package_files(text), **case_files(text)}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
    return root


def mypy_cache(test: str) -> Path:
    """Return the folder for what mypy knows, of one test: the library is not analysed again in the next run."""
    return ROOT / "build" / "tests" / "mypy" / test


def eventually(condition: Callable[[], R | None], within: float = 30.0, what: str | Callable[[], str] = "") -> R:
    """Wait until a condition holds, and return what it found. AssertionError when it does not within these seconds.

    A second look may find something else: where that matters, a test uses what this returns.
    ``what`` it waits for: a text, or a function that returns it after the wait, with what a program wrote meanwhile.
    A look often costs brokers and agents more than what the test waits for: after a while it looks less often.
    """
    began = time.monotonic()
    while not (found := condition()):
        waited = time.monotonic() - began
        if waited >= within:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {within:g} s: {text or condition}")
        time.sleep(min(0.02 + waited / 10, 0.1))  # between looks at a condition, not instead of one
    return found
