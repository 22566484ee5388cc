"""``onex run`` starts what was generated: finished handlers do their work, messages of others become dead letters."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from onex.bus.kafka import KafkaEventBusAdapter
from onex.contract import parse_contract
from onex.model.message import Message
from tests.conftest import CONTRACTS, eventually
from tests.integration.agents import Mesh

UNFINISHED = ["circuit_judge_compute", "llm_effect", "distributed_tracing_compute"]
FINISHED = ["service_registry_reducer", "infrastructure_health_monitor_orchestrator"]
ALLOWED = "--allow-unfinished"


def folder_of(name: str, generated: Path) -> Path:
    contract = parse_contract((CONTRACTS / f"{name}.yaml").read_text())
    return generated / contract.name / contract.contract_version.folder


@pytest.fixture
def mesh(generated: Path, kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> Iterator[Mesh]:
    folders = [folder_of(name, generated) for name in (*UNFINISHED, *FINISHED)]
    with Mesh(kafka_bus, folders, tmp_path) as mesh:
        yield mesh


def message(mesh: Mesh, name: str, **fields: object) -> Message:
    """A message of the first node that has one of this name."""
    model = next(node.models[name] for node in mesh.nodes if name in node.models)
    return model.model_validate(fields)


def test_a_node_with_unfinished_handlers_is_refused_without_the_flag(mesh: Mesh) -> None:
    for node in mesh.nodes[: len(UNFINISHED)]:
        done = mesh.onex("run", str(node.folder))
        assert done.returncode == 3
        for handler in node.unfinished:
            assert f"{handler}: is not written" in done.stderr
        assert f"{node.folder / 'node.py'}:" in done.stderr
        assert ALLOWED in done.stderr


def test_unfinished_messages_become_dead_letters_and_finished_ones_their_results(mesh: Mesh) -> None:
    started = "2026-01-01T10:00:00Z"
    tracing, llm, judge = "node_distributed_tracing_compute", "node_llm_effect", "node_circuit_judge_compute"
    agents = [mesh.start(name, options=[ALLOWED]) for name in (tracing, llm, judge)]
    span = message(
        mesh, "EnrichSpan", trace_id="t", span_id="s", parent_id=None, attributes={"a": "b"}, started_at=started
    )
    counts = {"calls": 2, "failures": 1, "slow_calls": 0}
    sent = mesh.send(
        [
            span,
            message(mesh, "SampleTrace", trace_id="t", rate=0.5),
            message(mesh, "GenerateText", session_id="s", prompt="p", max_tokens=1, temperature=0.0),
            message(mesh, "JudgeCircuit", dependency="d", counts=counts, failure_threshold=1, opened_at=None),
        ]
    )
    enriched = mesh.node(tracing).models["SpanEnriched"]
    eventually(lambda: mesh.messages(enriched), what="the finished handler")
    (result,) = mesh.messages(enriched)
    assert result.model_dump() == {**span.model_dump(exclude={"parent_id"}), "service": "checkout"}
    for name, identity in ((tracing, sent[1]), (llm, sent[2]), (judge, sent[3])):
        eventually(lambda name=name: mesh.dead_letters(name), what=f"the dead letter of {name}")  # type: ignore[misc]
        (letter,) = mesh.dead_letters(name)
        assert (letter["onex-dlq-class"], letter["onex-dlq-attempts"]) == ("unfinished", "1")
        assert (letter["onex-dlq-message-id"], letter["onex-dlq-stage"]) == (identity, "handler")
    status = json.loads(mesh.onex("status", "--json").stdout)
    assert {agent["node"]: agent["unfinished"] for agent in status["agents"]} == {
        tracing: ["sample"],
        llm: ["generate"],
        judge: ["compute"],
    }
    listed = mesh.onex(
        "nodes", "--json", *(part for n in mesh.nodes for part in ("--services", str(n.folder.parent)))
    )
    counted = {node["node"]: node["unfinished"] for node in json.loads(listed.stdout)}
    assert (counted[llm], counted["node_service_registry_reducer"]) == (["generate"], [])
    letters = mesh.onex(
        "dlq", "list", "--class", "unfinished", "--json", "--services", str(mesh.nodes[1].folder.parent)
    )
    assert json.loads(letters.stdout)[0]["class"] == "unfinished"
    assert [mesh.stop(agent) for agent in agents] == [0, 0, 0]


def test_finished_nodes_run_without_the_flag(mesh: Mesh) -> None:
    registry, survey = "node_service_registry_reducer", "node_infrastructure_health_survey_orchestrator"
    agents = [mesh.start(name) for name in (registry, survey)]
    announced = message(mesh, "ServiceAnnounced", service="billing", version="1", endpoints={"http": "billing:80"})
    checked = message(mesh, "CheckInfrastructure", round_id="r", environment="staging", threshold_ms=50)
    mesh.send([announced, announced, checked])
    entry, asked = mesh.node(registry).models["ServiceEntry"], mesh.node(survey).models["CheckDatabase"]
    eventually(lambda: len(mesh.messages(entry)) == 2, what="entries")
    assert mesh.messages(entry)[1].model_dump() == {**announced.model_dump(), "status": "active"}
    eventually(lambda: mesh.messages(asked), what="the first command")
    assert mesh.messages(asked)[0].model_dump() == checked.model_dump()
    assert mesh.dead_letters(registry) == mesh.dead_letters(survey) == []
    assert [mesh.stop(agent) for agent in agents] == [0, 0]
