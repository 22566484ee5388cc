"""The simulation for node authors: it finds nodes that keep state in the instance, and shrinks what it finds."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
import yaml
from typer.testing import CliRunner

from onex.cli.main import app
from onex.errors import ConfigurationError
from onex.node import Message
from onex.testing import SimulationError, simulate
from onex.testing.cases import load_cases
from onex.testing.simulation import INVARIANTS, SimulatedRun
from onex.testing.simulation.schedule import Action, shrunk
from tests.conftest import NODES, ORDERS

_CONTRACT = """\
name: {name}
node_type: {kind}
contract_version: {{major: 1, minor: 0, patch: 0}}
description: A node under simulation.
{routing}event_bus:
  subscribe_topics: [onex.cmd.simulated.ask.v1]
  publish_topics: [onex.evt.simulated.told.v1]
  topic_config: {{partitions: 2}}
"""
_SHORT = """\
input_model: Ask
output_model: Told
"""
_REDUCING = """\
handler_routing:
  handlers:
    - {event_model: Ask, handler: reduce, output_events: [Told]}
"""
_MODELS = """\
from onex.node import Message


class Ask(Message, key="name"):
    name: str


class Told(Message, key="name"):
    name: str
    number: int


class Seen(Message):
    number: int = 0
"""
_CASES = """\
- name: ada
  when: {Ask: {name: ada}}
  then: {publishes: [{Told: {name: ada}}]}
- name: two
  given: [{Ask: {name: bob}}]
  when: {Ask: {name: bob}}
  then: {publishes: [{Told: {name: bob}}]}
"""
_COUNTS_IN_THE_INSTANCE = """\
from {name}.v1_0_0.models import Ask, Told
from onex.node import NodeCompute


class NodeCounts(NodeCompute[Ask, Told]):
    count = 0

    def compute(self, request: Ask) -> Told:
        self.count += 1
        return Told(name=request.name, number=self.count)
"""
_SEEN_IN_THE_INSTANCE = """\
from {name}.v1_0_0.models import Ask, Told
from onex.node import Context, NodeEffect


class NodeSeen(NodeEffect):
    async def start(self) -> None:
        self.seen: set[str] = set()

    async def execute(self, command: Ask, context: Context) -> Told | None:
        if context.message_id in self.seen:
            return None
        self.seen.add(context.message_id)
        return Told(name=command.name, number=1)
"""
_REDUCES_IN_THE_INSTANCE = """\
from {name}.v1_0_0.models import Ask, Seen, Told
from onex.node import Context, NodeReducer, Reduction


class NodeReduces(NodeReducer[Seen]):
    def __init__(self, *args: object, **named: object) -> None:
        super().__init__(*args, **named)
        self.seen: dict[str, int] = {{}}

    def reduce(self, state: Seen | None, event: Ask, context: Context) -> Reduction[Seen]:
        number = self.seen[event.name] = self.seen.get(event.name, 0) + 1
        return Reduction(Seen(number=number), intents=[Told(name=event.name, number=number)])
"""
_REDUCES = """\
from {name}.v1_0_0.models import Ask, Seen, Told
from onex.node import Context, NodeReducer, Reduction


class NodeReduces(NodeReducer[Seen]):
    def reduce(self, state: Seen | None, event: Ask, context: Context) -> Reduction[Seen]:
        number = (state or Seen()).number + 1
        return Reduction(Seen(number=number), intents=[Told(name=event.name, number=number)])
"""


def node_in(folder: Path, name: str, kind: str, code: str) -> Path:
    node = folder / name / "v1_0_0"
    (node / "models").mkdir(parents=True)
    routing = _REDUCING if kind == "REDUCER" else _SHORT
    (node / "contract.yaml").write_text(_CONTRACT.format(name=name, kind=kind, routing=routing))
    (node / "models" / "__init__.py").write_text(_MODELS)
    (node / "node.py").write_text(code.format(name=name))
    (node / "cases.yaml").write_text(_CASES)
    return node


@pytest.mark.parametrize(
    ("name", "kind", "code", "problem"),
    [
        ("node_counting_compute", "COMPUTE", _COUNTS_IN_THE_INSTANCE, "lacks the output"),
        ("node_seeing_effect", "EFFECT", _SEEN_IN_THE_INSTANCE, "has no outputs, and in a replay"),
        ("node_reducing_reducer", "REDUCER", _REDUCES_IN_THE_INSTANCE, "lacks the output"),
    ],
)
def test_state_in_the_instance_is_found_and_shrunk(
    tmp_path: Path, name: str, kind: str, code: str, problem: str
) -> None:
    node = node_in(tmp_path, name, kind, code)
    with pytest.raises(SimulationError, match=problem) as raised:
        simulate([node], schedules=30, length=40)
    found = raised.value
    assert len(found.story) <= 8, found.story
    assert found.story[0].startswith("1. ")
    (case,) = yaml.safe_load(found.case)
    assert case["when"]["Ask"]["name"] in ("ada", "bob")
    with pytest.raises(SimulationError) as again:
        simulate([node], schedules=1, seed=found.seed, length=40)
    assert str(again.value) == str(found)
    (node / "cases.yaml").write_text(found.case)
    assert [each.name for each in load_cases(node)] == [case["name"]]


def test_the_records_and_the_case_that_is_found_have_the_headers_of_the_cases(tmp_path: Path) -> None:
    node = node_in(tmp_path, "node_headed_compute", "COMPUTE", _COUNTS_IN_THE_INSTANCE)
    headed = _CASES.replace("Ask: {name: ada}}\n", "Ask: {name: ada}}\n  headers: {x-one: a}\n")
    headed = headed.replace("[{Ask: {name: bob}}]\n", "[{Ask: {name: bob}}]\n  given_headers: {x-one: a}\n")
    headed = headed.replace("when: {Ask: {name: bob}}\n", "when: {Ask: {name: bob}}\n  headers: {x-one: a}\n")
    (node / "cases.yaml").write_text(headed)
    with pytest.raises(SimulationError) as raised:
        simulate([node], schedules=30, length=40)
    (case,) = yaml.safe_load(raised.value.case)
    assert case["headers"] == {"x-one": "a"}
    assert ("given" in case) == (case.get("given_headers") == {"x-one": "a"})


def test_a_node_that_needs_tokens_holds() -> None:
    requested: list[int] = []

    def count(run: SimulatedRun) -> None:
        (model,) = (model for model in run.nodes[0].outputs if model.__name__ == "PayoutRequested")
        requested.append(len(run.mesh.published(model)))

    folder = NODES / "node_secure_orchestrator" / "v1_0_0"
    simulate([folder], schedules=2, length=30, invariants=[*INVARIANTS, count])
    assert sum(requested) > 0, "the tokens of the cases are sent"


def test_nodes_that_work_hold(tmp_path: Path) -> None:
    done: list[int] = []
    nodes = [ORDERS / name / "v1_0_0" for name in ("node_order_pricing_compute", "node_payment_effect")]
    simulate(nodes, schedules=3, length=60, progress=done.append)
    simulate([node_in(tmp_path, "node_right_reducer", "REDUCER", _REDUCES)], schedules=5)
    assert done == [1, 2, 3]


def test_inputs_and_invariants_are_functions(tmp_path: Path) -> None:
    node = node_in(tmp_path, "node_functions_reducer", "REDUCER", _REDUCES)

    def inputs(random: Random) -> Sequence[Message]:
        from node_functions_reducer.v1_0_0.models import Ask  # type: ignore[import-not-found]  # made by this test

        return [Ask(name=random.choice("abc")), Ask(name="both")]

    def nobody_is_told_of_both(run: SimulatedRun) -> None:
        (told,) = (model for model in run.nodes[0].outputs if model.__name__ == "Told")
        names = [message.model_dump()["name"] for message in run.mesh.published(told)]
        assert "both" not in names, f"{names.count('both')} times"

    simulate([node], schedules=2, inputs=inputs)
    with pytest.raises(SimulationError, match="1 times") as raised:
        simulate([node], schedules=5, inputs=inputs, invariants=[*INVARIANTS, nobody_is_told_of_both])
    assert len(raised.value.story) == 1
    assert raised.value.case == ""


def test_nodes_without_cases_need_inputs(tmp_path: Path) -> None:
    node = node_in(tmp_path, "node_silent_reducer", "REDUCER", _REDUCES)
    (node / "cases.yaml").write_text("")
    with pytest.raises(ConfigurationError, match="pass `inputs`"):
        simulate([node], schedules=1)


def test_a_schedule_is_shrunk_to_the_actions_that_it_needs() -> None:
    schedule = [Action("step", number) for number in range(40)]
    needed = {7, 31}
    short = shrunk(schedule, lambda candidate: needed <= {action.pick for action in candidate})
    assert [action.pick for action in short] == [7, 31]


def test_the_command_prints_the_failure_and_its_seed(tmp_path: Path) -> None:
    node_in(tmp_path, "node_command_compute", "COMPUTE", _COUNTS_IN_THE_INSTANCE)
    done = CliRunner().invoke(app, ["simulate", str(tmp_path), "--schedules", "10", "--json"])
    assert done.exit_code == 1, done.output
    result = json.loads(done.stdout)
    assert result["failure"]["seed"] == result["seed"] + result["done"]
    assert "lacks the output" in result["failure"]["problem"]
    text = CliRunner().invoke(app, ["simulate", str(tmp_path), "--seed", str(result["failure"]["seed"])])
    assert text.exit_code == 1
    assert "replay: onex simulate" in text.output


def test_the_command_ends_well(tmp_path: Path) -> None:
    node_in(tmp_path, "node_fine_reducer", "REDUCER", _REDUCES)
    done = CliRunner().invoke(app, ["simulate", str(tmp_path), "--schedules", "2", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"schedules": 2, "seed": 0, "done": 2, "failure": None}
    assert CliRunner().invoke(app, ["simulate", str(tmp_path / "none")]).exit_code == 3
