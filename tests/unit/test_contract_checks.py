"""``onex contract validate`` finds what ``plan``, ``up`` or an agent would refuse later."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from onex.cli.contract_checks import validated
from onex.cli.main import app
from tests.unit.test_contract import GOOD, MODELS, NODE, make_node


def problems(*folders: Path) -> str:
    return "\n".join(map(str, validated([folder / "contract.yaml" for folder in folders], shape_only=False)))


FIELDS = {
    "a set": ("tags: set[str]", "Say.tags"),
    "two plain types": ("size: int | str", "Say.size"),
    "a complex number": ("size: complex", "Say.size"),
    "a name that is not ASCII": ("größe: int", "'größe' cannot be sent"),
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_type_that_cannot_be_sent(field: str, tmp_path: Path) -> None:
    declared, words = FIELDS[field]
    name = f"unsent{list(FIELDS).index(field)}"
    folder = make_node(
        tmp_path, name, models=MODELS.replace("    text: str\n\n\nclass", f"    text: str\n    {declared}\n\n\nclass")
    )
    found = problems(folder)
    assert words in found
    assert f"{folder / 'contract.yaml'}:" in found


def test_a_published_type_that_cannot_be_sent(tmp_path: Path) -> None:
    said = MODELS.replace('"""Said."""\n\n    text: str', '"""Said."""\n\n    text: str\n    at: set[str]')
    found = problems(make_node(tmp_path, "unsaid", models=said))
    assert "contract.yaml:8: event_bus.publish_topics[0]: Said.at: set[str] cannot" in found


def test_times_that_do_not_fit_together(tmp_path: Path) -> None:
    folder = make_node(tmp_path, "slow", contract=GOOD + "delivery: {timeout: 14s}\n")
    assert "contract.yaml:9: delivery.timeout: " in problems(folder)


def test_an_exception_that_is_not_there(tmp_path: Path) -> None:
    policy = "error_handling: {retry_policy: {retryable_exceptions: [no.such.Error, os.path, ValueError]}}\n"
    found = problems(make_node(tmp_path, "excepting", contract=GOOD + policy))
    assert "cannot import 'no.such.Error'" in found
    assert "os.path is no exception" in found
    assert "ValueError" not in found


def test_two_nodes_that_contradict_each_other(tmp_path: Path) -> None:
    wide = GOOD.replace("  publish_topics", "  topic_config: {partitions: 8}\n  publish_topics")
    found = problems(make_node(tmp_path, "narrow"), make_node(tmp_path, "eightfold", contract=wide))
    assert "node_eightfold_compute/v1_0_0/contract.yaml:1: event_bus: " in found
    assert "node_narrow_compute wants 4 partitions, node_eightfold_compute 8" in found


REDUCER = """\
name: node_{name}_reducer
node_type: REDUCER
contract_version: {{major: 1, minor: 0, patch: 0}}
event_bus: {{subscribe_topics: [onex.evt.lamp.switched.v1]}}
handler_routing: {{handlers: [{{event_model: Switched, handler: reduce}}]}}
state_machine:
  state_field: {field}
  initial_state: red
  states: [{{name: red}}, {{name: green}}]
  transitions:
    - {{name: go, from_state: red, to_state: green, trigger: {trigger}, conditions: [{condition}]}}
"""
LAMP = '''\
from enum import StrEnum

from onex.node import Message


class Light(StrEnum):
    RED = "red"


class Lamp(Message):
    """State."""

    status: Light
    text: str
    number: int


class Switched(Message, key="lamp"):
    """Event."""

    lamp: str
'''
REDUCE = """\
from node_{name}_reducer.v1_0_0.models import Lamp, Switched
from onex.node import Context, NodeReducer, Reduction


class NodeLamp(NodeReducer[Lamp]):
    def reduce(self, state: Lamp | None, event: Switched, context: Context) -> Reduction[Lamp]:
        return Reduction(state)
"""


@pytest.mark.parametrize(
    ("field", "trigger", "condition", "words"),
    [
        ("colour", "Switched", "lamp == a", "state_machine.state_field: Lamp has no field 'colour'"),
        ("number", "Switched", "lamp == a", "Lamp.number is neither text nor an enum"),
        ("status", "Switched", "lamp == a", "state_machine.states: Light has no green"),
        ("text", "Dimmed", "lamp == a", "transitions[0].trigger: no handler takes Dimmed"),
        ("text", "Switched", "size == a", "transitions[0].conditions: Switched has no field 'size'"),
    ],
)
def test_a_state_machine_that_does_not_fit_its_classes(
    field: str, trigger: str, condition: str, words: str, tmp_path: Path
) -> None:
    name = "".join(c for c in f"lamp{field}{trigger}{condition}".lower() if c.isalnum())
    folder = tmp_path / f"node_{name}_reducer" / "v1_0_0"
    (folder / "models").mkdir(parents=True)
    text = REDUCER.format(name=name, field=field, trigger=trigger, condition=condition)
    (folder / "contract.yaml").write_text(text)
    (folder / "models" / "__init__.py").write_text(LAMP)
    (folder / "node.py").write_text(REDUCE.format(name=name))
    assert words in problems(folder)


def test_a_state_that_cannot_be_kept(tmp_path: Path) -> None:
    folder = tmp_path / "node_lampkept_reducer" / "v1_0_0"
    (folder / "models").mkdir(parents=True)
    text = REDUCER.format(name="lampkept", field="text", trigger="Switched", condition="lamp == a")
    (folder / "contract.yaml").write_text(text)
    (folder / "models" / "__init__.py").write_text(LAMP.replace("    number: int\n", "    number: set[int]\n"))
    (folder / "node.py").write_text(REDUCE.format(name="lampkept"))
    assert "definitions.state: Lamp.number: set[int] cannot" in problems(folder)


def test_problems_are_printed_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text(GOOD.replace("input_model: Say", "input_model: '[/b][bold]Say'"))
    done = CliRunner().invoke(app, ["contract", "validate", str(file)])
    assert "[/b][bold]Say" in done.output
    assert done.exit_code == 3


def test_a_sound_node_has_no_problems(tmp_path: Path) -> None:
    assert problems(make_node(tmp_path, "soundly", node=NODE)) == ""
