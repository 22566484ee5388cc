"""Junk in the topics that tools and agents share: every command works on, and ``onex doctor`` names it."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
import structlog
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_tally_reducer.v1_0_0.node import NodeTallyReducer
from node_trip_orchestrator.v1_0_0.models import BookTrip
from node_unruly_effect.v1_0_0.models import Act
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect
from structlog.testing import capture_logs
from typer.testing import CliRunner

from onex.bus.memory.log import COMMITTED, MemoryRecord
from onex.bus.protocols import Partition
from onex.cli import audit, main, node_lookup, nodes, state, workflow_runs
from onex.cli.dlq import managers
from onex.cli.doctor import command as doctor
from onex.cli.main import app
from onex.cli.messages import send, watch
from onex.contract import resolve_node
from onex.dlq import Author, DeadLetterManager, LetterFilter
from onex.dlq.reading import facts_of
from onex.errors import PoisonError
from onex.model.mesh import AUDIT_TOPICS, SNAPSHOT_TOPICS, DeadLetterAudited
from onex.model.topic import environment_topic
from onex.schema.topic_catalogue import SCHEMAS_TOPIC, TopicCatalogue
from onex.testing import MeshDriver
from onex.wire import dead_letter as d
from onex.wire.changelog import OWN, decode_timers
from tests.conftest import NODES
from tests.unit.unreadable_record import UnreadableRecord, copy_of

FOLDERS = [
    NODES / name / "v1_0_0"
    for name in (
        "node_unruly_effect",
        "node_tally_reducer",
        "node_alarm_orchestrator",
        "node_tour_orchestrator",
        "node_trip_orchestrator",
    )
]
LETTERS_AUDIT = AUDIT_TOPICS[DeadLetterAudited]
DLQ = "onex.dlq.unruly.effect.v1"
TALLIES, ALARMS, TOURS, TRIPS = (
    "onex.state.node_tally_reducer.v1",
    "onex.state.node_alarm_orchestrator.v1",
    "onex.state.node_tour_orchestrator.v1",
    "onex.state.node_trip_orchestrator.v1",
)
NAIVE = {"letter": "l", "node": "n", "action": "dropped", "who": "w", "at": "2026-01-01T00:00:00", "message_id": "m"}
VALUES: Sequence[bytes | None] = [
    b"\xff\xfe",
    b"",
    b"\x00\x00\x00\x03\xe7x",
    b"\x00\x00\x00\x00\x01\xff\xff",
    b"{}",
    b"[1]",
    b"[" * 100_000,
    b'{"a": "\\ud800", "n": 1e999}',
    b"9" * 5000,
    json.dumps(NAIVE).encode(),
    b'{"t": [true]}',
    b'{"t": ["soon", {}]}',
    b'{"t": [5, {"correlation": 7}]}',
]
FORGED: Sequence[Sequence[tuple[str, bytes | None]]] = [
    [],
    [("h", None)],
    [(d.NODE, b"node_unruly_effect")],
    [(d.NODE, None), (d.CLASS, None)],
    [(d.NODE, b"node_unruly_effect"), (d.TOPIC, b"t"), (d.PARTITION, b"x"), (d.OFFSET, b"0"), (d.TIMESTAMP, b"0")],
]
WHOLE = [
    (d.NODE, b"node_unruly_effect"),
    (d.TOPIC, b"onex.cmd.unruly.act.v1"),
    (d.OFFSET, b"0"),
    (d.TIMESTAMP, b"999999999999999999"),
    (d.MESSAGE_ID, b"forged"),
    (d.LAST_FAILED, b"999999999999999999"),
]


_RESOLVE = cache(resolve_node)


class Unreadable(UnreadableRecord):
    """As readers of Kafka return one."""

    error = PoisonError("a header name is not UTF-8")


class World:
    """A mesh with something in every shared topic, and then junk in all of them."""

    def __init__(self) -> None:
        self.mesh = MeshDriver(FOLDERS)
        self.mesh.send(Act(entity="e", mood="raise"), id="real", correlation_id="trail")
        self.mesh.send(Amount(entity="alice", value=5))
        self.mesh.send(SetAlarm(entity="a", after=100))
        self.mesh.send(BookTrip(trip="t-1"))

    def junk(self) -> None:
        """Of every kind, in every topic that tools read."""
        topics = [*AUDIT_TOPICS.values(), *SNAPSHOT_TOPICS.values(), SCHEMAS_TOPIC, environment_topic()]
        for topic in topics:
            for value in VALUES:
                self.append(topic, b"k", value)
            self.append(topic, b"k", b"v", [("h", None)], unreadable=True)
        for headers in FORGED:
            self.append(DLQ, b"k", b"{}", headers)
        self.append(DLQ, b"k", b"[" * 100_000, [*WHOLE, (d.PARTITION, b"0"), ("x", None)])
        self.append(DLQ, b"k", b'{"a": "\\ud800"}', [*WHOLE, (d.PARTITION, b"999")])
        self.append(DLQ, b"k", b"v", unreadable=True)
        for topic in (TALLIES, ALARMS, TOURS, TRIPS):
            for number, value in enumerate(VALUES):
                self.append(topic, b"sjunk-%d" % number, value)
                self.append(topic, b"tjunk-%d" % number, value)
            for key in (None, b"", b"x", b"\x00checkpoint", b"\x00seen", b"\x00identity"):
                self.append(topic, key, b"junk")
            self.append(topic, b"k", b"v", [("h", None)], unreadable=True)
        for number in range(self.mesh.broker.topic(TOURS).partitions):
            self.append(TOURS, b"st-1", b"junk", partition=number)

    def append(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]] = (),
        *,
        unreadable: bool = False,
        partition: int = 0,
    ) -> None:
        broker = self.mesh.broker
        offset = broker.append(topic, value, key, list(headers), partition)  # type: ignore[arg-type]  # Kafka has null values
        if unreadable:
            log = broker.logs[Partition(topic, partition)]
            log.records[offset] = copy_of(log.records[offset], Unreadable)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    NodeUnrulyEffect.done.clear()
    made = World()
    made.junk()
    yield made
    made.mesh.close()


@pytest.fixture
def onex(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[CliRunner]:
    monkeypatch.setenv("ONEX_HOME", str(tmp_path))
    monkeypatch.setenv("ONEX_ENV", "test")
    monkeypatch.setenv("ONEX_SERVICES", json.dumps([str(folder) for folder in FOLDERS]))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    for module in (audit, managers, doctor, nodes, send, watch, state, workflow_runs):
        for name in {"open_bus", "open_own_bus"} & vars(module).keys():
            monkeypatch.setattr(module, name, lambda _: world.mesh.bus)
        monkeypatch.setattr(module, "open_catalogue", lambda *_: TopicCatalogue(world.mesh.bus))
    for module in (managers, node_lookup, state):
        monkeypatch.setattr(module, "resolve_node", _RESOLVE)
    with capture_logs():
        yield CliRunner()


LETTER = "node_unruly_effect 0:0"


@pytest.mark.parametrize(
    ("command", "shows"),
    [
        ("dlq list", "on request"),
        ("dlq list --json", '"message-id": "real"'),
        ("dlq list --header x=y", "PLACE"),
        ("dlq list --payload entity=e", "0:0"),
        (f"dlq show {LETTER}", "real"),
        (f"dlq show {LETTER} --json", "real"),
        ("dlq show node_unruly_effect 0:7", "forged"),
        ("dlq stats", "bug"),
        ("dlq stats --json", "bug"),
        ("dlq export", "real"),
        ("dlq replay --node node_unruly_effect --dry-run", "dead letters would go to node_unruly_effect"),
        ("dlq audit", "WHO"),
        ("audit show", "OUTCOME"),
        ("audit verify", "0 entries in 0 chains"),
        ("nodes", "node_unruly_effect"),
        ("nodes --json", "node_unruly_effect"),
        ("node show node_unruly_effect", "onex.cmd.unruly.act.v1"),
        ("workflows list", "t-1"),
        ("workflows list --json", "t-1"),
        ("workflows show t-1", "running"),
        ("state show node_tally_reducer alice", "5"),
        ("state show node_tally_reducer alice --json", "5"),
        ("top --once --interval 0.2", "node_unruly_effect"),
        ("watch --from-beginning --timeout 0.1", "dead letter"),
        ("watch --from-beginning --timeout 0.1 --json", "dead letter"),
        ("watch --trace trail --since 400000h", "dead letter"),
    ],
)
def test_a_command_works_among_junk(onex: CliRunner, command: str, shows: str) -> None:
    result = onex.invoke(app, command.split())
    assert result.exit_code == 0, (result.output, result.exception)
    assert shows in result.stdout
    result.stdout.encode()
    if "--json" in command:
        for line in result.stdout.splitlines():
            json.loads(line)


def test_a_state_that_cannot_be_decoded_is_named_with_its_place(onex: CliRunner) -> None:
    result = onex.invoke(app, ["state", "show", "node_tally_reducer", "junk-0"])
    assert (result.exit_code, f"'junk-0' in {TALLIES}[" in result.stderr) == (1, True)


def test_a_workflow_that_cannot_be_decoded_is_named_with_its_place(onex: CliRunner) -> None:
    result = onex.invoke(app, ["workflows", "show", "t-1", "--node", "node_tour_orchestrator"])
    assert (result.exit_code, f"'t-1' in {TOURS}[" in result.stderr) == (1, True)


def test_doctor_names_topic_count_and_first_offset(onex: CliRunner, world: World) -> None:
    result = onex.invoke(app, ["doctor", "--json", "--window", "0.1"])
    found = [f for f in json.loads(result.stdout)["findings"] if f["check"] == "foreign records"]
    named = "\n".join(one["what"] for one in found)
    assert "could not be examined" not in result.stdout
    shared = {*AUDIT_TOPICS.values(), *SNAPSHOT_TOPICS.values(), SCHEMAS_TOPIC, environment_topic()}
    expected = {*shared, DLQ, TALLIES, ALARMS, TOURS, TRIPS}
    assert {topic for topic in expected if f" {topic} " in named} == expected
    audited = world.mesh.broker.logs[Partition(LETTERS_AUDIT, 0)].records
    first = next(offset for offset, record in enumerate(audited) if record.value() == VALUES[0])
    assert f"{len(VALUES) + 1} records on {LETTERS_AUDIT} do not belong there" in named
    assert f"the first one is at offset {first} of partition 0: PoisonError" in named
    assert "6 records on " + DLQ in named


def test_a_healthy_mesh_has_no_foreign_records(monkeypatch: pytest.MonkeyPatch, onex: CliRunner) -> None:
    clean = World()
    monkeypatch.setattr(doctor, "open_bus", lambda _: clean.mesh.bus)
    monkeypatch.setattr(doctor, "open_catalogue", lambda *_: TopicCatalogue(clean.mesh.bus))
    result = onex.invoke(app, ["doctor", "--json", "--window", "0.1"])
    assert [f for f in json.loads(result.stdout)["findings"] if f["check"] == "foreign records"] == []
    clean.mesh.close()


# -- agents ------------------------------------------------------------------------------------


def test_junk_in_a_changelog_ends_no_agent_and_loses_no_other_timer() -> None:
    world = World()
    world.junk()
    for node in (NodeTallyReducer, NodeAlarmOrchestrator):
        (old,) = world.mesh.instances_of(node)
        world.mesh.crash(old)
        world.mesh.add_instance(node)
    world.mesh.run_until_idle()
    world.mesh.send(Amount(entity="alice", value=3))
    assert world.mesh.published(Tallied)[-1].total == 8
    world.mesh.advance("101s")
    assert [rang.entity for rang in world.mesh.published(Rang)] == ["a"]
    world.mesh.close()


def test_replay_sends_what_can_be_sent_and_parks_the_rest() -> None:
    world = World()
    world.junk()
    desk = DeadLetterManager(
        world.mesh.bus, TopicCatalogue(world.mesh.bus), world.mesh.nodes[0], Author("me"), "test"
    )
    letters = [letter for letter, _ in desk.find(LetterFilter())]
    assert len(letters) == 3
    report = desk.replay(letters)
    assert (report.replayed, report.parked) == (2, 1)
    world.mesh.close()


@pytest.mark.parametrize("timestamp", [-(2**63), -1, 0, 2**62, 2**63 - 1])
def test_the_letter_of_a_record_with_any_timestamp_is_one(timestamp: int) -> None:
    headers = [(name, value) for name, value in WHOLE if name != d.TIMESTAMP]
    headers += [(d.PARTITION, b"0"), (d.TIMESTAMP, b"%d" % timestamp)]
    letter = MemoryRecord(DLQ, 0, 0, b"k", b"{}", tuple(headers), 0, COMMITTED)
    assert facts_of(letter)["message-id"] == "forged"


@pytest.mark.parametrize("value", [value for value in VALUES if value and value != b"{}"])
def test_what_is_no_timers_is_refused(value: bytes) -> None:
    with pytest.raises(PoisonError, match="no timers"):
        decode_timers(value)


def test_keys_of_a_changelog_begin_as_the_engine_writes_them() -> None:
    world = World()
    keys = [record.key() or b"" for topic in (TALLIES, ALARMS, TOURS, TRIPS) for record in world.mesh.records(topic)]
    assert keys
    assert all(key[0] in OWN for key in keys)
    world.mesh.close()


def test_warnings_of_tools_go_to_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = structlog.get_config()
    monkeypatch.setattr(main, "app", lambda: structlog.get_logger().warning("a record is skipped"))
    try:
        main.main()
    finally:
        structlog.configure(**before)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "a record is skipped" in shown.err
