"""What a type checker says about a node that lacks what one of its capabilities needs."""

from pathlib import Path

from mypy import api

from tests.conftest import ROOT

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


def test_a_missing_requirement_and_a_wrong_type_are_errors(tmp_path: Path) -> None:
    file = tmp_path / "nodes.py"
    file.write_text(_NODES)
    lines = _NODES.splitlines()
    config = str(ROOT / "pyproject.toml")
    told, _, _ = api.run(["--config-file", config, "--cache-dir", str(tmp_path / "cache"), str(file)])
    missing, wrong = (number for number, line in enumerate(lines, 1) if "# line" in line)
    errors = [line for line in told.splitlines() if ": error:" in line]
    assert len(errors) == 2, told
    assert f"nodes.py:{missing}: error: Invalid self argument" in errors[0]
    assert "HasCounter" in errors[0]
    assert f"nodes.py:{wrong}: error: Incompatible return value" in errors[1]
