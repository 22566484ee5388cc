"""Capabilities in agents on a real broker."""

import asyncio
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import yaml
from node_gate_compute.v1_0_0.models import Enter, Entered
from node_showcase_effect.v1_0_0.models import Perform, Performed, Progressed
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_vault_effect.v1_0_0.models import Fetch, Fetched

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Headers, Outgoing
from onex.local import LocalPostgres
from onex.mesh import MeshClient
from onex.mixins.catalogue import CATALOGUE
from onex.model.enums import EnumNodeKind
from onex.model.mesh import MESH_TOPICS, CapabilityReported
from onex.schema import Codec
from onex.schema.whole_topic import whole_topic
from onex.settings import Settings
from onex.wire import headers as h
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh
from tests.mixins.helpers import Receiver

FOLDERS = [NODES / name / "v1_0_0" for name in ("node_gate_compute", "node_vault_effect")]
SHOWCASE = NODES / "node_showcase_effect" / "v1_0_0"
TRACE = "0af7651916cd43dd8448eb211c80319c"
SECRET = "a secret that is long enough for HS256"


def test_layers_and_engines_work_in_agents(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    with Mesh(kafka_bus, FOLDERS, tmp_path) as mesh:
        agents = [mesh.start(folder.parent.name) for folder in FOLDERS]
        mesh.send([Enter(name="Ann", age=20), Enter(name="R2D2", age=3), Fetch(name="gold"), Fetch(name="salt")])
        eventually(lambda: mesh.messages(Entered) == [Entered(name="Ann")], what="Ann to be let in")
        eventually(lambda: len(mesh.messages(Fetched)) == 2, what="both to be fetched")
        (letter,) = mesh.dead_letters("node_gate_compute")
        assert (letter["onex-dlq-class"], letter["onex-dlq-message"]) == ("rejected", "Enter: is of age; is no robot")
        assert [mesh.stop(agent) for agent in agents] == [0, 0]


def perform(mesh: Mesh, name: str, *headers: tuple[str, bytes]) -> None:
    """A command by ann, who may."""
    (topic,) = mesh.nodes[0].routes
    claims = {"sub": "ann", "exp": time.time() + 600, "roles": ["actor"]}
    token = b"Bearer " + jwt.encode(claims, SECRET, "HS256").encode()
    given: Headers = [(h.ID, name.encode()), (h.CORRELATION, name.encode()), ("authorization", token), *headers]
    value = Codec.of_topic(Perform, topic, mesh.catalogue).encode(Perform(name=name))
    mesh.bus.publish(Outgoing(topic, value, name.encode(), given))


def test_clients_send_tokens_and_deadlines(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    with Mesh(kafka_bus, [SHOWCASE], tmp_path) as mesh:
        servers = kafka_bus.config.bootstrap_servers
        settings = Settings(kafka_bootstrap_servers=servers, env=mesh.prefix, home=tmp_path, services=[SHOWCASE])

        async def publish() -> None:
            given = {"authorization": "Bearer t"}
            async with MeshClient.connect(settings, headers=lambda: given) as client:
                await client.publish(Perform(name="library"), answer_within=30)
                await client.publish(Perform(name="without"))

        before = time.time()
        asyncio.run(publish())
        command = ["send", "Perform", '{"name": "shell"}', "--services", str(SHOWCASE), "--answer-within", "30"]
        assert shell(mesh, *command, "--header", "authorization=Bearer t")[0] == 0
        code, said = shell(mesh, *command, "--header", "nothing")
        assert (code, "not of the form NAME=VALUE" in said) == (2, True), said
        (topic,) = mesh.nodes[0].routes
        found = {record.key(): dict(record.headers() or []) for record in mesh.records(topic)}
        for key in (b"library", b"shell"):
            assert found[key]["authorization"] == b"Bearer t"
            assert before + 30 <= int(found[key][h.DEADLINE]) / 1000 < time.time() + 30
        assert h.DEADLINE not in found[b"without"]


def audit(mesh: Mesh, *arguments: str) -> tuple[int, str]:
    """``onex audit``, as an operator runs it."""
    return shell(mesh, "audit", *arguments)


def shell(mesh: Mesh, *arguments: str) -> tuple[int, str]:
    """``onex``, with what it says."""
    done = mesh.onex(*arguments)
    return done.returncode, done.stdout + done.stderr


def test_an_effect_with_every_capability(
    kafka_bus: KafkaEventBusAdapter, postgres: LocalPostgres, tmp_path: Path
) -> None:
    env = {"DATABASE_URL": postgres.start(), "SHOWCASE_LEAST_LEVEL": "INFO"}
    with Receiver().running() as collector, Mesh(kafka_bus, [SHOWCASE], tmp_path, env) as mesh:
        mesh.env["SHOWCASE_COLLECTOR"] = collector.url
        agent = mesh.start("node_showcase_effect")
        deadline = str(round((time.time() + 120) * 1000)).encode()
        perform(mesh, "a", (h.DEADLINE, deadline), (h.TRACE_PARENT, f"00-{TRACE}-b7ad6b7169203331-01".encode()))
        perform(mesh, "late", (h.DEADLINE, b"1000"))
        eventually(lambda: mesh.messages(Performed), what="a to be performed")
        (performed,) = mesh.messages(Performed)
        assert (performed.name, performed.who, performed.secret) == ("a", "ann", "hush")
        assert 0 < performed.left < 120
        (record,) = mesh.records(
            next(iter(topic for model, topic in mesh.nodes[0].outputs.items() if model is Performed))
        )
        assert dict(record.headers() or [])[h.DEADLINE] == deadline
        eventually(lambda: len(mesh.dead_letters("node_showcase_effect")) == 1, what="the late one to be refused")
        (letter,) = mesh.dead_letters("node_showcase_effect")
        assert "its deadline passed" in letter["onex-dlq-message"]
        steps = [(progress.name, progress.step) for progress in mesh.messages(Progressed)]
        assert sorted(steps) == [("a", "begun"), ("a", "queued")]
        scraped = mesh.get(agent.pid, "/metrics")
        assert 'onex_performances_total{node="node_showcase_effect"} 1.0' in scraped
        assert 'onex_capability{capability="message_queue",figure="sent",node="node_showcase_effect"} 1.0' in scraped
        assert (file := tmp_path / "secrets" / "node_showcase_effect" / "a.sealed").is_file()
        assert b"hush" not in file.read_bytes()
        assert "hush" not in mesh.log("node_showcase_effect")
        code, said = audit(mesh, "verify", "--node", "node_showcase_effect")
        assert (code, "none changed, none missing" in said) == (0, True), said
        code, said = audit(mesh, "show", "--who", "ann", "--json")
        assert code == 0
        found = {(entry["message_id"], entry["outcome"]) for entry in json.loads(said)}
        assert ("a", "done") in found
        assert "late" not in {message_id for message_id, _ in found}, "a late command does not reach the node"
        assert "done" in audit(mesh, "show", "--id", "a")[1]
        assert mesh.stop(agent) == 0
    collected = b"".join(request.body for request in collector.requests).decode()
    (line,) = [each for each in records_of(collector) if each["body"] == {"stringValue": "performing"}]
    assert (line["traceId"], line["spanId"]) == (TRACE, "b7ad6b7169203331")
    assert '"value":{"stringValue":"agent"}' in collected, "the agent reports the dead letter"
    assert "hush" not in collected


def records_of(collector: Receiver) -> Iterator[dict[str, object]]:
    """Yield the log records that a collector has received."""
    for request in collector.requests:
        for resource in json.loads(request.body)["resourceLogs"]:
            yield from resource["scopeLogs"][0]["logRecords"]


def test_a_broken_audit_log_shows(kafka_bus: KafkaEventBusAdapter, postgres: LocalPostgres, tmp_path: Path) -> None:
    with Mesh(kafka_bus, [SHOWCASE], tmp_path, {"DATABASE_URL": postgres.start()}) as mesh:
        agent = mesh.start("node_showcase_effect")
        perform(mesh, "a")
        eventually(lambda: mesh.messages(Performed), what="a to be performed")
        mesh.stop(agent)
        env, mesh.env = mesh.env, {**mesh.env, "ONEX_AUDIT_SEAL_KEY": "another key"}
        code, said = audit(mesh, "verify", "--node", "node_showcase_effect")
        assert (code, "entry 1 was changed" in said) == (1, True), said
        code, said = audit(mesh, "verify", "--node", "node_showcase_effect", "--json")
        assert code == 1
        assert len(json.loads(said)["problems"]) >= 2
        mesh.env = env


def reasons(mesh: Mesh, pid: int) -> str:
    """What health checks say against the agent."""
    return (mesh.readiness(pid) or {}).get("health", "")


def test_health_is_told_and_keeps_work_away(
    kafka_bus: KafkaEventBusAdapter, postgres: LocalPostgres, tmp_path: Path
) -> None:
    env = {"DATABASE_URL": postgres.start(), "ONEX_HEARTBEAT_INTERVAL": "1"}
    with Mesh(kafka_bus, [SHOWCASE], tmp_path, env) as mesh:
        agent = mesh.start("node_showcase_effect")
        mesh.get(agent.pid, "/readyz")
        postgres.stop()
        try:
            eventually(
                lambda: "database" in (mesh.readiness(agent.pid) or {}).get("health", ""),
                60,
                "the database to be missed",
            )
        finally:
            postgres.start()
        eventually(mesh.ready(agent), 60, "the database to be back")
        assert mesh.stop(agent) == 0
        topic = MESH_TOPICS[CapabilityReported]
        told = whole_topic(mesh.bus, topic, CapabilityReported, mesh.catalogue)
        mine = [one.event for one in told if one.capability == "health_check" and one.env == mesh.prefix]
        assert mine[0] == "unhealthy"
        assert mine[-1] == "healthy"


def everything(folder: Path, kind: EnumNodeKind, into: Path) -> Path:
    """A copy of a node's contract that asks for every capability its kind can have."""
    contract = yaml.safe_load((folder / "contract.yaml").read_text())
    asked = {
        "MixinAuthentication": {"authenticate_messages": False},
        "MixinAuthorization": {"authorize_messages": False},
        "MixinEncryption": {"keys": [{"id": "k1", "value": "a2V5IG9mIDMyIGJ5dGVzLCBmb3IgdGhlIHRlc3RzISE="}]},
        "MixinHMACValidation": {
            "keys": [{"id": "k1", "value": "a2V5IG9mIDMyIGJ5dGVzLCBmb3IgdGhlIHRlc3RzISE="}],
            "validate_messages": False,
        },
        "MixinLogAggregation": {"least_level": "CRITICAL"},  # lines without a collector make the node degraded
    }
    validated = set(contract.pop("subcontracts", {}))
    contract["mixins"] = [
        {"name": mixin.__name__, "config": asked.get(mixin.__name__, {})}
        for mixin in CATALOGUE.all()
        if kind in mixin.definition.metadata.kinds and mixin.definition.metadata.key not in validated
    ]
    shutil.copytree(folder, into)
    (into / "contract.yaml").write_text(yaml.safe_dump(contract, sort_keys=False))
    return into


@pytest.mark.parametrize(
    ("name", "kind"),
    [("node_gate_compute", EnumNodeKind.COMPUTE), ("node_tally_reducer", EnumNodeKind.REDUCER)],
)
def test_other_kinds_with_every_capability_they_can_have(
    kafka_bus: KafkaEventBusAdapter, tmp_path: Path, name: str, kind: EnumNodeKind
) -> None:
    folder = NODES / name / "v1_0_0"
    everywhere = everything(folder, kind, tmp_path / "nodes" / name / "v1_0_0")
    with Mesh(kafka_bus, [folder], tmp_path) as mesh:
        applied = mesh.onex("apply", "--services", str(everywhere))  # checkpoints have a topic
        assert applied.returncode == 0, applied.stderr
        agent = mesh.start(name, folder=everywhere)
        if kind is EnumNodeKind.COMPUTE:
            mesh.send([Enter(name="Ann", age=20), Enter(name="a\x00b", age=20)])
            eventually(lambda: mesh.messages(Entered) == [Entered(name="Ann")], what="Ann to be let in")
            eventually(lambda: len(mesh.dead_letters(name)) == 1, what="control characters to be refused")
        else:
            mesh.send([Amount(entity="e", value=2), Amount(entity="e", value=3)])
            eventually(
                lambda: [tallied.total for tallied in mesh.messages(Tallied)] == [2, 5], what="both to be added"
            )
        figure = f'onex_capability{{capability="node_service",figure="handled",node="{name}"}} 2.0'
        eventually(lambda: figure in mesh.get(agent.pid, "/metrics"), what="both to be counted")
        assert mesh.stop(agent) == 0
