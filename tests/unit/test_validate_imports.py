"""Stage IMPORTS: modules are found without importing them, and internals of the mesh are refused."""

import sys
from pathlib import Path

import pytest

from onex.codegen.validate.stage_imports import check_imports
from tests.unit.checked_nodes import package, rules, sources


def found(files: dict[str, str], roots: tuple[str, ...] = ()) -> list[str]:
    read = sources(files)
    return rules(finding for part in read.packages for finding in check_imports(read, part, roots=roots))


@pytest.mark.parametrize("kind", ["compute", "effect", "reducer"])
def test_a_sound_node_passes(kind: str) -> None:
    assert found(package(kind)) == []


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("import no_such_module_at_all", "imports.unresolved"),
        ("from json.no_such import x", "imports.unresolved"),
        ("import os.no_such", "imports.unresolved"),
        ("from node_quote_compute.v1_0_0.absent import x", "imports.unresolved"),
        ("from node_other_effect.v1_0_0.models import X", "imports.unresolved"),
        ("from onex.node import NoSuchName", "imports.unknown_name"),
        ("from onex.mixins.retry import MixinRetires", "imports.unknown_name"),
        ("from node_quote_compute.v1_0_0.models import Absent", "imports.unknown_name"),
        ("from ...node_other import x", "imports.relative"),
        ("from onex.agent.process import x", "imports.internal"),
        ("import onex.bus.kafka as k", "imports.internal"),
        ("from onex import bus", "imports.internal"),
        ("import confluent_kafka", "imports.client"),
        ("from json import *", "imports.star"),
        ("import pytest", "imports.testing"),
        ("from onex.testing import run_case", "imports.testing"),
        ("import importlib\nX = importlib.import_module('json')", "imports.dynamic"),
        ("from importlib import import_module as load\nX = load('json')", "imports.dynamic"),
        ("X = __import__('json')", "imports.dynamic"),
    ],
)
def test_each_fault_is_found(line: str, rule: str) -> None:
    assert rule in found(package(imports=line))


@pytest.mark.parametrize(
    "line",
    [
        "import os.path\nimport xml.etree.ElementTree",
        "from collections.abc import Mapping",
        "from onex.node import RejectedError, TransientError",
        "from onex.mixins.retry import MixinRetry",
        "from onex.model import mesh",
        "from . import models",
        "from .models import AskQuote as Again",
        "from node_quote_compute.v1_0_0 import models as mine",
        "from node_store_effect.v1_0_0.models import StoreNode",
        "def load(x: object) -> object:\n    return x",
    ],
)
def test_near_misses_pass(line: str) -> None:
    assert found(package(imports=line)) == []


def test_tests_may_use_pytest_and_the_test_host() -> None:
    test = "import pytest\nfrom onex.testing import run_case\nfrom onex.bus import memory\n"
    assert found(package(test_node=test)) == []


def test_other_nodes_are_found_below_the_roots(tmp_path: Path) -> None:
    models = tmp_path / "node_other_effect" / "v1_0_0" / "models"
    models.mkdir(parents=True)
    (models / "__init__.py").write_text("raise RuntimeError('imported')\n")
    files = package(imports="from node_other_effect.v1_0_0.models import X")
    assert found(files, (str(tmp_path),)) == []
    assert found(files) == ["imports.unresolved"]


def test_nothing_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``importlib.util.find_spec`` would run the parent package."""
    folder = tmp_path / "trap_of_a_parent"
    folder.mkdir()
    (folder / "__init__.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    (folder / "child.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert found(package(imports="import trap_of_a_parent.child")) == []
    assert not (tmp_path / "ran").exists()
    assert "trap_of_a_parent" not in sys.modules
