"""Modules with costly fixtures stay on one worker of pytest-xdist; all other tests are distributed one by one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.distribution import ON_ONE_WORKER, WITH_SERVERS, sort, unit_of_work


@pytest.mark.parametrize("module", sorted(ON_ONE_WORKER))
def test_a_module_on_one_worker_exists_and_shares_a_fixture(module: str) -> None:
    assert 'scope="module"' in (ROOT / module).read_text()


def test_tests_of_such_a_module_are_one_unit_of_work() -> None:
    module = min(ON_ONE_WORKER)
    tests = ("test_a", "test_b[x::y]", "Some::test_c", "test_b[x]")
    assert {unit_of_work(f"{module}::{test}") for test in tests} == {module}
    assert len({unit_of_work(f"tests/unit/test_distribution.py::{test}") for test in tests}) == len(tests)


def test_capabilities_that_need_servers_are_tested_by_one_worker() -> None:
    fixture = re.compile(r"\b(kafka|kafka_bus|postgres|database_url): ")
    files = (ROOT / "tests" / "mixins").glob("test_*.py")
    needing = {str(file.relative_to(ROOT)) for file in files if fixture.search(file.read_text())}
    assert needing == WITH_SERVERS
    assert len({unit_of_work(f"{module}::test_a") for module in needing}) == 1


def test_what_only_computes_asks_for_no_server() -> None:
    """These run at a low priority, in workers that would each start one."""
    fixture = re.compile(r"\b(kafka|postgres): Local|\bkafka_bus: ")
    folders = [ROOT / "tests" / "unit", ROOT / "tests" / "simulation"]
    files = [file for folder in folders for file in folder.glob("*.py")]
    assert [file.name for file in files if fixture.search(file.read_text())] == []


def _limits_of_processes(file: Path) -> Iterator[int]:
    """Yield the lines that give a process a time limit."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("subprocess."):
            yield from (limit.value.lineno for limit in node.keywords if limit.arg == "timeout")


def test_what_only_computes_has_the_limit_of_pytest_alone() -> None:
    """At a low priority on a slow machine, 15 s of processor time have taken more than 300 s."""
    files = [file for part in ("unit", "simulation", "mixins") for file in (ROOT / "tests" / part).glob("*.py")]
    limits = [f"{file.name}:{line}" for file in files for line in _limits_of_processes(file)]
    shared = ROOT / "tests" / "strict_types.py"
    assert [*limits, *_limits_of_processes(shared)] == []


def test_sorting_loses_no_test_and_changes_nothing_twice(request: pytest.FixtureRequest) -> None:
    items = list(request.session.items)
    again = list(reversed(items))
    sort(again)
    assert sorted(item.nodeid for item in again) == sorted(item.nodeid for item in items)
    once = list(again)
    sort(again)
    assert again == once
