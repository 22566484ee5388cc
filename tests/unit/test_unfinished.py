"""Handlers that are not written: dead letters of class ``unfinished``, and commands that refuse or count them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from onex.agent.announce.introspection import Identity, introspect
from onex.agent.failure.classify import Classifier
from onex.cli.main import app
from onex.contract import resolve_node
from onex.contract.unfinished import refuse_unfinished
from onex.errors import ContractError, MessageError, NotImplementedNodeError
from onex.model.enums import EnumFailureClass
from onex.model.mesh import EnumIntrospectionReason
from onex.node import NodeCompute, unfinished
from onex.node.unfinished import unfinished_methods
from onex.testing import Case, MeshDriver, run_case
from tests.conftest import ORDERS

_BUS = """contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [onex.cmd.gaps.ask-gap.v1]
  publish_topics: [onex.evt.gaps.gap-closed.v1%s]
"""
_ROUTED = "handler_routing: {handlers: [{event_model: AskGap, handler: close, output_events: [GapClosed]}]}\n"
_RETRIES = """error_handling:
  retry_policy: {max_attempts: 5, retryable_exceptions: [onex.errors.NotImplementedNodeError]}
"""
_FLOW = """workflow_coordination:
  steps: [{id: first, command: DoGap, result: GapDone}]
  completed: GapClosed
  failed: GapFailed
"""
CONTRACTS: Mapping[str, str] = {
    "compute": _BUS % "" + _ROUTED,
    "effect": _BUS % "" + _ROUTED + _RETRIES,
    "reducer": _BUS % "" + _ROUTED,
    "orchestrator": (_BUS % ", onex.cmd.gaps.do-gap.v1, onex.evt.gaps.gap-failed.v1").replace(
        "ask-gap.v1]", "ask-gap.v1, onex.evt.gaps.gap-done.v1]"
    )
    + _FLOW,
}
_MODELS = "from onex.node import Message\n" + "".join(
    f'\n\nclass {name}(Message, key="gap_id"):\n    gap_id: str\n'
    for name in ("AskGap", "GapClosed", "DoGap", "GapDone", "GapFailed", "Gap")
)
_IMPORT = """from {name}.v1_0_0.models import AskGap, DoGap, Gap, GapClosed, GapDone, GapFailed
from onex.node import (
    Context,
    NodeCompute,
    NodeEffect,
    NodeOrchestrator,
    NodeReducer,
    NotImplementedNodeError,
    Reduction,
    Run,
    unfinished,
)


class NodeGaps({base}):
"""
_GAP = """    @unfinished
    {head}:
        raise NotImplementedNodeError("close: write the handler")
"""
HEADS = {
    "compute": ("NodeCompute[AskGap, GapClosed]", "def close(self, request: AskGap) -> GapClosed"),
    "effect": ("NodeEffect", "async def close(self, command: AskGap, context: Context) -> GapClosed"),
    "reducer": (
        "NodeReducer[Gap]",
        "def close(self, state: Gap | None, event: AskGap, context: Context) -> Reduction[Gap]",
    ),
    "orchestrator": ("NodeOrchestrator[AskGap, GapClosed]", "def first(self, run: Run[AskGap]) -> DoGap"),
}
_ENDS = """
    def completed(self, run: Run[AskGap]) -> GapClosed:
        return GapClosed(gap_id=run.command.gap_id)

    def failed(self, run: Run[AskGap]) -> GapFailed:
        return GapFailed(gap_id=run.command.gap_id)
"""
CASE = Case.model_validate(
    {
        "name": "a gap",
        "when": {"AskGap": {"gap_id": "g"}},
        "then": {"dead_letter": {"class": "unfinished", "stage": "handler", "attempts": "1"}},
    }
)


def make(root: Path, kind: str, name: str = "") -> Path:
    name = name or f"node_gaps_{kind}"
    folder = root / name / "v1_0_0"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "__init__.py").write_text(_MODELS)
    text = f"name: {name}\nnode_type: {kind.upper()}\n{CONTRACTS[kind]}"
    (folder / "contract.yaml").write_text(text)
    base, head = HEADS[kind]
    code = _IMPORT.format(name=name, base=base) + _GAP.format(head=head)
    (folder / "node.py").write_text(code + (_ENDS if kind == "orchestrator" else ""))
    return folder


@pytest.fixture(scope="module")
def gaps(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    root = tmp_path_factory.mktemp("gaps")
    return {kind: make(root, kind) for kind in HEADS}


@pytest.mark.parametrize("kind", HEADS)
def test_its_message_becomes_a_dead_letter_without_a_retry(gaps: Mapping[str, Path], kind: str) -> None:
    assert run_case(gaps[kind], CASE) == ""


def test_a_case_with_another_class_fails(gaps: Mapping[str, Path]) -> None:
    other = Case.model_validate({**CASE.model_dump(), "then": {"dead_letter": {"class": "bug"}}})
    assert "unfinished" in run_case(gaps["compute"], other)


def test_the_class_wins_over_what_the_contract_retries() -> None:
    classify = Classifier(["onex.errors.NotImplementedNodeError"]).classify
    assert classify(NotImplementedNodeError("x")) is EnumFailureClass.UNFINISHED
    assert isinstance(NotImplementedNodeError("x"), MessageError)


def test_an_unfinished_compensation_waits_as_a_dead_letter(tmp_path: Path) -> None:
    folder = make(tmp_path, "orchestrator", "node_undogaps_orchestrator")
    contract = folder / "contract.yaml"
    steps = "result: GapDone, compensate: DoGap}, {id: second, depends_on: [first], signal: Gap}"
    contract.write_text(
        contract.read_text()
        .replace("result: GapDone}", steps)
        .replace("gap-done.v1]", "gap-done.v1, onex.evt.gaps.gap.v1]")
        .replace("workflow_coordination:", "workflow_coordination:\n  timeout: 10s")
    )
    node = folder / "node.py"
    head, gap = HEADS["orchestrator"][1], _GAP.format(head=HEADS["orchestrator"][1])
    finished = f"    {head}:\n        return DoGap(gap_id=run.command.gap_id)\n"
    undo = _GAP.format(head="def compensate_first(self, run: Run[AskGap]) -> DoGap")
    node.write_text(f"{node.read_text().replace(gap, finished)}\n{undo}")
    mesh = MeshDriver([folder])
    models = mesh.nodes[0].models
    for name in ("AskGap", "GapDone"):
        mesh.send(models[name].model_validate({"gap_id": "g"}))
    mesh.advance("11s")
    letters = [dict(record.headers() or []) for record in mesh.dead_letters()]
    assert [letter["onex-dlq-class"] for letter in letters] == [b"unfinished"]
    assert mesh.published(models["GapFailed"]) == []
    mesh.close()


def test_marks_are_read_without_a_call(gaps: Mapping[str, Path]) -> None:
    for kind, folder in gaps.items():
        node = resolve_node(folder)
        assert node.unfinished == ("first" if kind == "orchestrator" else "close",)
    assert resolve_node(ORDERS / "node_order_pricing_compute" / "v1_0_0").unfinished == ()


def test_a_health_check_counts_and_methods_come_in_their_order() -> None:
    class NodeChecks(NodeCompute[object, object]):  # type: ignore[type-var]
        @unfinished
        def compute(self, request: object) -> object:
            raise NotImplementedNodeError("compute")

        @unfinished
        async def check_disk(self) -> bool:
            raise NotImplementedNodeError("check_disk")

        def other(self) -> None:
            return None

    assert [*unfinished_methods(NodeChecks)] == ["compute", "check_disk"]


def test_the_refusal_names_file_line_handler_and_remedy(gaps: Mapping[str, Path]) -> None:
    with pytest.raises(ContractError) as raised:
        refuse_unfinished([resolve_node(folder) for folder in gaps.values()])
    assert len(raised.value.problems) == len(gaps)
    problem = raised.value.problems[0]
    line = problem.file.read_text().splitlines()[problem.line - 1]
    assert (line.strip(), problem.field) == ("@unfinished", "close")
    assert "--allow-unfinished" in problem.remedy


def _run(folder: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["run", str(folder), *options])
    return result.exit_code, result.stderr


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("ONEX_HOME", str(tmp_path))
    monkeypatch.setattr("onex.agent.process.run_agent.configure_logs", lambda *_, **__: None)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    return tmp_path


@pytest.mark.parametrize("options", [[], ["--instances", "2"]])
def test_run_refuses_it(gaps: Mapping[str, Path], home: Path, options: list[str]) -> None:
    code, words = _run(gaps["effect"], *options)
    assert code == 3
    assert "node.py:" in words
    assert "close: is not written" in words


def test_run_with_the_flag_starts_it(gaps: Mapping[str, Path], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []

    def started_with(first: object, *_: object) -> int:
        started.append(first)
        return 0

    monkeypatch.setattr("onex.agent.process.run_agent._run", started_with)
    monkeypatch.setattr("onex.cli.run.supervise", started_with)
    assert _run(gaps["effect"], "--allow-unfinished")[0] == 0
    assert _run(gaps["effect"], "--allow-unfinished", "--instances", "2")[0] == 0
    assert len(started) == 2
    assert str(started[1]).endswith("'--allow-unfinished']")


def test_explain_lists_it(gaps: Mapping[str, Path]) -> None:
    shown = CliRunner().invoke(app, ["explain", str(gaps["compute"]), "--json"]).stdout
    assert json.loads(shown)["unfinished"] == ["NodeGaps.close  class unfinished"]


def test_introspection_has_it(gaps: Mapping[str, Path]) -> None:
    identity = Identity("local", "0", "host", 1, 1, "http://localhost", (), 1.0)
    now = datetime.now(UTC)
    event = introspect(resolve_node(gaps["compute"]), identity, EnumIntrospectionReason.STARTUP, now)
    assert "unfinished:close" in event.capabilities.discovered
