"""Files and tests that documents name exist."""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

_MODULE = re.compile(r"`([\w/]+\.py)`")
_QUOTED = re.compile(r"`([^`]+)`")
_TEST = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)
_LIBRARY = (ROOT / "shared" / "onex" / "agent", ROOT / "shared" / "onex", ROOT)


def _modules_of_architecture() -> list[str]:
    return sorted({*_MODULE.findall((ROOT / "docs" / "architecture.md").read_text())})


def _tests_of_guarantees() -> Iterator[tuple[str, str]]:
    """Patterns of files and of functions, as the last column of the tables has them."""
    for line in (ROOT / "docs" / "guarantees.md").read_text().splitlines():
        file = ""
        for quoted in _QUOTED.findall(line.rstrip(" |").rpartition(" | ")[2] if line.startswith("|") else ""):
            before, _, function = quoted.partition("::")
            file = before or file
            if file.endswith(".py"):
                yield file if "/" in file else f"unit/{file}", function


@cache
def _functions() -> dict[str, list[str]]:
    folder = ROOT / "tests"
    return {str(file.relative_to(folder)): _TEST.findall(file.read_text()) for file in folder.rglob("test_*.py")}


@pytest.mark.parametrize("module", _modules_of_architecture())
def test_a_module_that_the_architecture_names_exists(module: str) -> None:
    assert any((folder / module).exists() for folder in _LIBRARY)


@pytest.mark.parametrize(("file", "function"), sorted({*_tests_of_guarantees()}))
def test_a_test_that_the_guarantees_name_exists(file: str, function: str) -> None:
    files = [functions for path, functions in _functions().items() if fnmatch(path, file.removeprefix("tests/"))]
    assert files, file
    assert not function or any(fnmatch(name, function) for functions in files for name in functions)


def test_documents_are_read() -> None:
    assert len(_modules_of_architecture()) > 40
    assert len({*_tests_of_guarantees()}) > 40
    assert Path("unit/test_prose.py").as_posix() in _functions()


_STATES = ["away", "slow", "full", "half-open", "refuses credentials"]
_DEPENDENCIES = {
    "Alertmanager",
    "Chat",
    "Collector of traces (OTLP)",
    "Docker engine",
    "HTTP service",
    "Image registry",
    "Keys of an issuer (JWKS)",
    "Mail server",
    "PostgreSQL",
    "Redis-compatible server",
    "Schema registry",
}


def _failures() -> Mapping[str, list[list[str]]]:
    """By dependency, the rows of its table: state, what the node does, tests."""
    text = (ROOT / "docs" / "failures.md").read_text()
    found: dict[str, list[list[str]]] = {}
    for section in text.split("\n## ")[1:]:
        title, _, rest = section.partition("\n")
        rows = [line.strip("| ").split(" | ") for line in rest.splitlines() if line.startswith("| ")]
        found[title] = rows[1:]
    return found


def test_each_failure_of_each_dependency_names_a_test_that_exists() -> None:
    assert set(_failures()) >= _DEPENDENCIES
    for dependency, rows in _failures().items():
        assert [row[0] for row in rows] == _STATES, dependency
        for state, action, tests in rows:
            assert action, (dependency, state)
            names = _QUOTED.findall(tests)
            assert names, (dependency, state)
            for name in names:
                file, _, function = name.partition("::")
                assert function in _functions()[file], (dependency, state, name)
    for name in _QUOTED.findall((ROOT / "docs" / "failures.md").read_text()):
        file, _, function = name.partition("::")
        assert not function or function in _functions()[file], name
