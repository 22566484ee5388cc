"""Outages are not answers: a good message waits for its registry, its state or its database, and is done once."""

from collections.abc import Callable, Iterator

import asyncpg
import pytest
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_tally_reducer.v1_0_0.node import NodeTallyReducer
from node_unruly_compute.v1_0_0.models import Ask, Reply
from node_unruly_compute.v1_0_0.node import NodeUnrulyCompute
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect

from onex.agent.failure.classify import outage_of
from onex.agent.state.backends import MemoryBackend
from onex.errors import (
    BusError,
    BusUnavailableError,
    MissingTopicError,
    OutageError,
    PoisonError,
    SchemaPendingError,
    StateStoreError,
    TransientError,
)
from onex.model.message import Message
from onex.node import Context
from onex.schema import Codec, avro_schema
from onex.schema.avro_schema import Schema
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver
from tests.conftest import NODES

KINDS: list[tuple[str, Message, Message, type[Message]]] = [
    ("node_unruly_effect", Act(entity="a"), Act(entity="b"), Acted),
    ("node_unruly_compute", Ask(entity="a"), Ask(entity="b"), Reply),
    ("node_tally_reducer", Amount(entity="a", value=1), Amount(entity="b", value=1), Tallied),
    ("node_alarm_orchestrator", SetAlarm(entity="a", after=1.0), SetAlarm(entity="b", after=1.0), Rang),
]
FOREIGN = 9_999


def mesh_of(node: str) -> MeshDriver:
    return MeshDriver([NODES / node / "v1_0_0"])


@pytest.fixture
def reducer() -> Iterator[MeshDriver]:
    mesh = mesh_of("node_tally_reducer")
    yield mesh
    mesh.close()


def foreign(mesh: MeshDriver, message: Message) -> None:
    """Send a message with a schema id that the node has not seen."""
    topic = mesh.topic_of(type(message))
    value = Codec.of_topic(type(message), topic, TopicCatalogue(mesh.bus)).encode(message)
    mesh.publish(topic, value[:1] + FOREIGN.to_bytes(4, "big") + value[5:], message.partition_key(), [])


@pytest.mark.parametrize(
    "failure",
    [BusUnavailableError("registry: 503"), SchemaPendingError("looked up"), BusError("the reader of _schemas ended")],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize(
    ("node", "foreigner", "known", "output"), KINDS, ids=lambda one: one if isinstance(one, str) else ""
)
def test_a_registry_that_is_away_stops_nothing_but_what_needs_it(
    node: str,
    foreigner: Message,
    known: Message,
    output: type[Message],
    failure: Exception,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = True

    def schema_of(_: TopicCatalogue, schema_id: int) -> Schema:
        assert schema_id == FOREIGN
        if away:
            raise failure
        return avro_schema(type(foreigner))

    monkeypatch.setattr(TopicCatalogue, "schema_of", schema_of)
    mesh = mesh_of(node)
    foreign(mesh, foreigner)
    mesh.advance("5m")
    assert mesh.published(output) == []
    mesh.send(known)
    mesh.advance("5m")
    if node == "node_unruly_effect":
        assert len(mesh.published(output)) == 1, "only the key waits"
    away = False
    mesh.advance("2m")
    mesh.advance("2m")
    found = mesh.published(output)
    assert (len(found), mesh.dead_letters()) == (2, [])
    assert all(one.attempt == 1 for one in found if isinstance(one, Acted))
    assert mesh.instances[0].health.ready
    mesh.close()


@pytest.mark.parametrize(
    "failure",
    [
        OutageError("the registry of companies is away"),
        OutageError("all of it", for_all=True),
        BusUnavailableError("no broker"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    ],
    ids=lambda error: f"{type(error).__name__} {error}"[:40],
)
def test_no_attempt_is_counted_while_what_a_handler_needs_is_away(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    act, calls = NodeUnrulyEffect.act, 0

    async def fails_for_long(self: NodeUnrulyEffect, command: Act, context: Context) -> Acted | list[Acted]:
        nonlocal calls
        calls += command.entity == "a"
        if command.entity == "a" and calls <= 12:  # the contract has three attempts
            raise failure
        return await act(self, command, context)

    monkeypatch.setattr(NodeUnrulyEffect, "act", fails_for_long)
    NodeUnrulyEffect.done.clear()
    effect = mesh_of("node_unruly_effect")  # handlers are bound when it is made
    effect.send(Act(entity="a", number=1), run=False)
    effect.send(Act(entity="a", number=2), run=False)
    effect.send(Act(entity="b"))
    effect.advance("1h")
    assert effect.dead_letters() == []
    assert sorted((one.entity, one.number, one.attempt) for one in effect.published(Acted)) == [
        ("a", 1, 1),
        ("a", 2, 1),
        ("b", 0, 1),
    ]
    assert [number for entity, number in NodeUnrulyEffect.done if entity == "a"] == [1, 2], "its key waited behind it"
    assert calls == 14
    effect.close()


def test_attempts_before_and_after_an_outage_count(monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[Exception] = [TransientError("1"), OutageError("2"), OutageError("3"), TransientError("4")]
    act = NodeUnrulyEffect.act

    async def fails(self: NodeUnrulyEffect, command: Act, context: Context) -> Acted | list[Acted]:
        if failures:
            raise failures.pop(0)
        return await act(self, command, context)

    monkeypatch.setattr(NodeUnrulyEffect, "act", fails)
    effect = mesh_of("node_unruly_effect")
    effect.send(Act(entity="a"))
    effect.advance("10m")
    assert [one.attempt for one in effect.published(Acted)] == [3]
    assert failures == []
    effect.close()


def test_a_pure_handler_may_report_an_outage_too(monkeypatch: pytest.MonkeyPatch) -> None:
    compute, calls = NodeUnrulyCompute.compute, 0

    def fails_at_first(self: NodeUnrulyCompute, request: Ask) -> list[Reply]:
        nonlocal calls
        calls += 1
        if calls < 5:
            raise OutageError("the keys of the issuer cannot be read")
        return compute(self, request)

    monkeypatch.setattr(NodeUnrulyCompute, "compute", fails_at_first)
    mesh = mesh_of("node_unruly_compute")
    mesh.send(Ask(entity="a"))
    assert not mesh.instances[0].health.ready
    for _ in range(6):
        mesh.advance("1m")
    assert (len(mesh.published(Reply)), mesh.dead_letters()) == (1, [])
    mesh.close()


# -- state ---------------------------------------------------------------------------------------


def fails_on_read(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> Callable[[], None]:
    get, broken = MemoryBackend.get, True

    def fails(self: MemoryBackend, key: bytes) -> bytes | None:
        if broken:
            raise failure
        return get(self, key)

    def recover() -> None:
        nonlocal broken
        broken = False

    monkeypatch.setattr(MemoryBackend, "get", fails)
    return recover


def test_a_disk_that_fails_ends_the_run_and_makes_no_dead_letter(
    reducer: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    recover = fails_on_read(monkeypatch, StateStoreError("input/output error"))
    with pytest.raises(StateStoreError):
        reducer.send(Amount(entity="a", value=1))
    recover()
    reducer.crash(reducer.instances[0])
    reducer.add_instance(NodeTallyReducer)
    reducer.advance("1m")
    assert [one.total for one in reducer.published(Tallied)] == [1]
    assert reducer.dead_letters() == []


def test_a_state_that_cannot_be_decoded_makes_its_partition_wait(
    reducer: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    reducer.send(Amount(entity="a", value=1))
    instance = reducer.instances[0]
    reducer.crash(instance)
    reducer.add_instance(NodeTallyReducer)
    reducer.run_until_idle()
    broken = True
    codec = reducer.instances[0]._runner._stores._codec  # type: ignore[union-attr]  # a reducer's
    good = codec.decode

    def unreadable(value: bytes | None) -> Message:
        if broken:
            raise PoisonError("not Avro")
        return good(value)

    monkeypatch.setattr(codec, "decode", unreadable)
    reducer.send(Amount(entity="a", value=1), run=False)
    reducer.send(Amount(entity="b", value=5))
    reducer.advance("1m")
    assert sorted((one.entity, one.total) for one in reducer.published(Tallied)) == [("a", 1)]
    (reason,) = [text for text in reducer.instances[0].health.reasons.values() if "cannot be decoded" in text]
    assert "run the version of the node that wrote it" in reason
    broken = False
    reducer.advance("2m")
    assert sorted((one.entity, one.total) for one in reducer.published(Tallied)) == [("a", 1), ("a", 2), ("b", 5)]
    assert reducer.dead_letters() == []
    assert reducer.instances[0].health.ready


def test_what_counts_as_an_outage() -> None:
    assert isinstance(outage_of(BusUnavailableError("x")), OutageError)
    for error in (MissingTopicError("x"), KeyError("x"), TransientError("x"), asyncpg.UniqueViolationError("x")):
        assert outage_of(error) is None
    assert outage_of(asyncpg.SerializationError("x")) is None, "another transaction won: an attempt like any other"
