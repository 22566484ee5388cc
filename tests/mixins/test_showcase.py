"""All capabilities together on the memory host; tests/integration/test_capabilities.py runs them in agents."""

from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from node_showcase_effect.v1_0_0.models import Perform, Performed, Progressed
from node_showcase_effect.v1_0_0.node import NodeShowcaseEffect

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Headers
from onex.capability import AgentEnvironment
from onex.mixins.audit_log import problems_of
from onex.mixins.catalogue import CATALOGUE
from onex.model.mesh import AUDIT_TOPICS, AuditRecorded
from onex.schema.topic_catalogue import TopicCatalogue
from onex.schema.whole_topic import whole_topic
from onex.testing import MeshDriver
from onex.wire import headers as h
from tests.conftest import NODES

NEED_DOCKER = {"MixinContainerOperations", "MixinDockerClient", "MixinDockerHealthCheck", "MixinImageManagement"}
"""Not ready without an engine: tests/backends has one."""
NEEDS_ANOTHER_NODE = {"MixinCheckpointManagement"}
"""In an effect it makes checkpoints of a node that the contract names."""
SECRET = "a secret that is long enough for HS256"


def token(clock_ms: int, *roles: str) -> Headers:
    """Return the header of a message from ann."""
    claims = {"sub": "ann", "exp": clock_ms // 1000 + 600, "roles": list(roles)}
    return [("authorization", b"Bearer " + jwt.encode(claims, SECRET, "HS256").encode())]


@pytest.fixture
def mesh(database_url: str, kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> Iterator[MeshDriver]:
    around = AgentEnvironment(database_url, kafka_bus.config.bootstrap_servers, home=tmp_path)
    driver = MeshDriver([NODES / "node_showcase_effect" / "v1_0_0"], virtual_time=False, environment=around)
    yield driver
    driver.close()


def test_it_has_every_capability() -> None:
    there = {metadata.name for metadata in NodeShowcaseEffect.capabilities.start}
    assert set(CATALOGUE.names) - there == NEED_DOCKER | NEEDS_ANOTHER_NODE


def test_all_of_them_work_together(mesh: MeshDriver) -> None:
    now = mesh.clock.now_ms()
    deadline = str(now + 60_000).encode()
    sent = mesh.send(Perform(name="a"), headers=[*token(now, "actor"), (h.DEADLINE, deadline)])
    (record, performed) = next(iter(mesh.messages(Performed)))
    assert performed == Performed(name="a", who="ann", rows=1, secret="hush", left=60.0)
    assert dict(record.headers() or [])[h.DEADLINE] == deadline
    assert sorted(progress.step for progress in mesh.published(Progressed, sent)) == ["begun", "queued"]
    refused = [
        (mesh.send(Perform(name="b"), headers=[]), "Perform has no token in the header authorization"),
        (mesh.send(Perform(name="c"), headers=token(now)), "ann may not do Perform"),
        (mesh.send(Perform(name="forbidden"), headers=token(now, "actor")), "ann may not do Perform"),
        (mesh.send(Perform(name="x' OR '1'='1"), headers=token(now, "actor")), "Perform.name: SQL behind a quote"),
        (
            mesh.send(Perform(name="d"), headers=[*token(now, "actor"), (h.DEADLINE, str(now - 1000).encode())]),
            "Perform: its deadline passed 1 s ago",
        ),
    ]
    for one, words in refused:
        letter = mesh.dead_letter_of(one)
        assert (letter["onex-dlq-class"], letter["onex-dlq-message"]) == ("rejected", words)
    topic, catalogue = AUDIT_TOPICS[AuditRecorded], TopicCatalogue(mesh.bus)
    entries = list(whole_topic(mesh.bus, topic, AuditRecorded, catalogue))
    assert list(problems_of(entries)) == []
    outcomes = [entry.outcome for entry in sorted(entries, key=lambda entry: entry.number)]
    assert outcomes == ["received", "done", *["received", "refused"] * 4], "a late command does not reach the node"
    assert "hush" not in str(entries)


def test_reported_metrics_are_scraped(mesh: MeshDriver) -> None:
    mesh.send(Perform(name="a"), headers=token(mesh.clock.now_ms(), "actor"))
    (instance,) = mesh.instances_of(NodeShowcaseEffect)
    reported = {
        (sample.labels["capability"], sample.labels["figure"]): sample.value
        for family in instance.metrics.registry.collect()
        for sample in family.samples
        if sample.name == "onex_capability"
    }
    assert reported["event_bus", "sent"] == reported["message_queue", "sent"] == 1.0
    assert reported["transactions", "committed"] == reported["retry", "calls"] == 1.0
    assert reported["node_service", "handled"] == 1.0
    assert (
        instance.metrics.registry.get_sample_value("onex_performances_total", {"node": "node_showcase_effect"}) == 1.0
    )
