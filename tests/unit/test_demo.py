"""``make demo``: its commands run in one process, and its table is readable."""

import importlib.util
from collections.abc import Callable, Sequence
from types import ModuleType

import pytest
from rich.table import Table

from node_codegen_orchestrator.v1_0_0.models import GenerationCompleted
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def demo() -> ModuleType:
    """The program as a module."""
    spec = importlib.util.spec_from_file_location("demo", ROOT / "examples" / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_command_ends_and_the_demonstration_goes_on(demo: ModuleType) -> None:
    run: Callable[..., int] = vars(demo)["_onex"]
    assert run("mixins", "--json") == 0
    assert run("mixins", "nothing") == 2
    with pytest.raises(SystemExit):
        run("mixins", "nothing", expect=0)


def test_a_generated_node_is_one_row(demo: ModuleType) -> None:
    table_of: Callable[[Sequence[GenerationCompleted]], Table] = vars(demo)["_table"]
    done = GenerationCompleted(
        generation_id="g-1",
        name="node_x_effect",
        kind="EFFECT",
        tests=3,
        digest="d",
        folder="f",
        seconds=9.0,
        gates=("syntax", "ast"),
        unfinished=("one", "two"),
        stage_seconds={"render": 0.25, "test": 1.5},
    )
    cells = [list(column.cells) for column in table_of([done]).columns]
    assert [cell for (cell,) in cells] == ["  node_x_effect", "EFFECT", "2 passed", "3 passed", "1.75", "one, two"]
