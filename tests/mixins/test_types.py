"""Errors of type checkers about a node that lacks a required capability."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mypy import api

from tests.conftest import ROOT, mypy_cache

_NODES = """
from typing import Protocol

from onex.capability import Container, Mixin, capability
from onex.node import NodeEffect


class HasCounter(Protocol):
    @property
    def container(self) -> Container: ...
    @property
    def counter(self) -> int: ...


class MixinCounter(Mixin):
    @capability
    def counter(self: object) -> int:
        return 1


class MixinNeedsCounter(Mixin):
    @capability
    def doubled(self: HasCounter) -> int:
        return 2 * self.counter


class Whole(MixinNeedsCounter, MixinCounter, NodeEffect):
    def use(self) -> int:
        return self.doubled


class Half(MixinNeedsCounter, NodeEffect):
    def use(self) -> int:
        return self.doubled  # line


class Wrong(MixinCounter, NodeEffect):
    def use(self) -> str:
        return self.counter  # line
"""


@pytest.fixture
def nodes(tmp_path: Path) -> Path:
    file = tmp_path / "nodes.py"
    file.write_text(_NODES)
    return file


MISSING, WRONG = (number for number, line in enumerate(_NODES.splitlines(), 1) if "# line" in line)


def test_mypy_reports_a_missing_requirement_and_a_wrong_type(nodes: Path) -> None:
    config = str(ROOT / "pyproject.toml")
    told, _, _ = api.run(["--config-file", config, "--cache-dir", str(mypy_cache("types")), str(nodes)])
    errors = [line for line in told.splitlines() if ": error:" in line]
    assert len(errors) == 2, told
    assert f"nodes.py:{MISSING}: error: Invalid self argument" in errors[0]
    assert "HasCounter" in errors[0]
    assert f"nodes.py:{WRONG}: error: Incompatible return value" in errors[1]


def test_pyright_reports_them_too(nodes: Path, tmp_path: Path) -> None:
    """Check with basedpyright, whose wheel contains the files that pyright downloads, in the standard mode."""
    settings = {"extraPaths": [str(ROOT / "shared")], "typeCheckingMode": "standard", "include": [str(nodes)]}
    config = tmp_path / "pyrightconfig.json"
    config.write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "--project", str(config), "--outputjson"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [one for one in json.loads(done.stdout)["generalDiagnostics"] if one["severity"] == "error"]
    lines = {one["range"]["start"]["line"] + 1: one["message"] for one in found}
    assert set(lines) == {MISSING, WRONG}, lines
    assert 'Cannot access attribute "doubled" for class "Half' in lines[MISSING]
    assert "int" in lines[WRONG]
    assert "str" in lines[WRONG]
