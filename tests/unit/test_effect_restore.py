"""Partitions of an effect are restored between polls: the rebalance callback reads nothing, even with a backlog."""

from collections.abc import Iterator, Mapping, Sequence

import pytest
from node_transfer_effect.v1_0_0.models import MoneyTransferred, MoveMoney
from node_transfer_effect.v1_0_0.node import NodeTransferEffect
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect

from onex.agent.effect.partitions import Adopted
from onex.agent.process.effect_runner import EffectRunner
from onex.bus.memory import MemoryEventBus
from onex.bus.memory.adapter import MemoryAdmin, MemoryReader
from onex.bus.memory.consumer import MemoryConsumer
from onex.bus.protocols import Outgoing, Partition, Position, ProtocolRebalanceListener, ProtocolRecord
from onex.node import Context
from onex.testing import MeshDriver
from onex.testing.effect_runner import MemoryEffectRunner
from onex.testing.instance import Instance
from onex.wire import headers as h
from tests.conftest import NODES
from tests.unit.test_effect_runner import BusySettlement, Engine, memory_bus, run
from tests.unit.test_retry import unruly

_CHUNK = 10
_COUNT = 60
_ASKING = (
    (MemoryConsumer, "committed"),
    (MemoryAdmin, "ends"),
    (MemoryAdmin, "topics"),
    (MemoryEventBus, "read"),
    (MemoryReader, "batch"),
)
"""Calls that may take long on a cluster."""


receipts: list[str] = []


async def move(_: NodeTransferEffect, command: MoveMoney, context: Context) -> MoneyTransferred:
    receipts.append(context.idempotency_key)
    return MoneyTransferred(account=command.account, receipt=len(receipts))


@pytest.fixture(autouse=True)
def _world(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("onex.agent.state.chunks._CHUNK", _CHUNK)
    monkeypatch.setattr(NodeTransferEffect, "move", move)
    NodeUnrulyEffect.done.clear()
    receipts.clear()
    yield
    NodeUnrulyEffect.down.clear()


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of calls inside rebalance callbacks, with "assigned" for each callback."""
    calls: list[str] = []
    depth: list[None] = []

    def watched(owner: type, name: str) -> None:
        original = getattr(owner, name)

        def call(self: object, *given: object, **named: object) -> object:
            if depth:
                calls.append(name)
            return original(self, *given, **named)

        monkeypatch.setattr(owner, name, call)

    def callback(host: type[MemoryEffectRunner | EffectRunner]) -> None:
        original = host.on_assigned

        def assigned(
            self: MemoryEffectRunner | EffectRunner,
            partitions: Sequence[Partition],
            committed: Mapping[Partition, Position],
        ) -> None:
            calls.append("assigned")
            depth.append(None)
            original(self, partitions, committed)  # type: ignore[arg-type]  # of its own class
            depth.clear()

        monkeypatch.setattr(host, "on_assigned", assigned)

    for owner, name in _ASKING:
        watched(owner, name)
    callback(MemoryEffectRunner)
    callback(EffectRunner)
    return calls


def host_of(instance: Instance) -> MemoryEffectRunner:
    assert isinstance(instance._runner, MemoryEffectRunner)
    return instance._runner


@pytest.fixture
def waiting() -> Iterator[MeshDriver]:
    """Return an effect without instances, with many messages of one key on its retry topic."""
    mesh = MeshDriver([unruly()])
    NodeUnrulyEffect.down.add("e")
    for number in range(_COUNT):
        mesh.send(Act(entity="e", number=number), run=False)
    mesh.advance("10s")
    mesh.crash(mesh.instances[0])
    NodeUnrulyEffect.down.clear()
    yield mesh
    mesh.close()


def acted(mesh: MeshDriver) -> list[int]:
    return [message.number for message in mesh.published(Acted)]


def left(instance: Instance) -> list[int]:
    """Return the numbers of offsets left in the complaints about restores."""
    reasons = [text for about, text in instance.health.snapshot().items() if about.startswith("restore ")]
    return [int(text.removeprefix("restoring retries: ").removesuffix(" offsets left")) for text in reasons]


def test_a_large_backlog_is_read_in_chunks_between_polls(waiting: MeshDriver, inside: list[str]) -> None:
    mesh = waiting
    mesh.send(Act(entity="e", number=_COUNT), run=False)  # of the key that waits
    instance = mesh.add_instance(NodeUnrulyEffect)
    seen = list[int]()
    for _ in range(100):
        mesh.instances[0].step()
        if host_of(instance).partitions.are_restoring:
            seen += left(instance)
            assert acted(mesh) == []
        elif seen:
            break
    assert inside == ["assigned", "ends"], "where partitions begin is looked at once"
    assert len(set(seen)) >= _COUNT // _CHUNK
    assert seen == sorted(seen, reverse=True)
    assert instance.health.ready
    mesh.advance("100s")
    assert acted(mesh) == list(range(_COUNT + 1))


def test_the_watchdog_and_metrics_see_a_restore_move(waiting: MeshDriver) -> None:
    instance = waiting.add_instance(NodeUnrulyEffect)
    partitions = host_of(instance).partitions
    reached = list[int]()
    instance.step()
    while partitions.are_restoring:
        assert set(partitions.restored) <= set(instance.consumer.assignment())
        reached.append(max(at.reached for at in partitions.restored.values()))
        instance.step()
    assert len(set(reached)) >= _COUNT // _CHUNK
    assert instance.metrics.restore_remaining._value.get() == 0
    assert partitions.restored == {}


def test_partitions_that_are_revoked_in_the_middle_of_a_restore_are_restored_by_their_next_owner(
    waiting: MeshDriver,
) -> None:
    mesh = waiting
    first = mesh.add_instance(NodeUnrulyEffect)
    while not left(first):
        first.step()
    assert host_of(first).partitions.are_restoring
    second = mesh.add_instance(NodeUnrulyEffect)
    before = set(first.consumer.assignment())
    first.step()
    given_up = before - set(first.consumer.assignment())
    assert given_up
    assert not given_up & set(host_of(first).partitions.restored)
    mesh.crash(first)
    assert first.health.ready, "what is given up is not complained of"
    while not left(second):
        second.step()
    mesh.advance("100s")
    assert acted(mesh) == list(range(_COUNT))
    assert second.health.ready


def test_partitions_that_come_back_in_the_middle_are_read_from_where_they_are_then(waiting: MeshDriver) -> None:
    """Another owner has finished some of the messages that were read before."""
    mesh = waiting
    first = mesh.add_instance(NodeUnrulyEffect)
    while not left(first):
        first.step()
    first.expel()
    second = mesh.add_instance(NodeUnrulyEffect)
    first.muted = True
    mesh.advance("100s")
    assert acted(mesh) == list(range(_COUNT))
    mesh.crash(second)
    first.muted = False
    mesh.run_until_idle()
    backlogs = host_of(first).engine._retry_topic._backlogs
    assert backlogs
    assert not any(backlog.keys for backlog in backlogs.values())
    mesh.send(Act(entity="e", number=_COUNT))
    assert acted(mesh) == list(range(_COUNT + 1))


def test_idempotent_results_are_restored_in_chunks(inside: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = MeshDriver([NODES / "node_transfer_effect" / "v1_0_0"])

    def ask(key: int) -> None:
        mesh.send(MoveMoney(account="a", amount=1), headers=[(h.IDEMPOTENCY_KEY, b"%d" % key)], run=False)

    for key in range(_COUNT):
        ask(key)
    mesh.advance("100s")
    mesh.crash(mesh.instances[0])
    inside.clear()
    ask(0)
    instance = mesh.add_instance(NodeTransferEffect)
    instance.step()
    steps = 0
    while host_of(instance).partitions.are_restoring:
        instance.step()
        steps += 1
        if reasons := instance.health.snapshot():
            assert all("restoring retries and idempotent results" in text for text in reasons.values())
    assert steps > _COUNT // _CHUNK
    assert inside == ["assigned", "ends"]
    mesh.advance("10s")
    assert len(mesh.published(MoneyTransferred)) == _COUNT + 1
    assert sorted(receipts) == sorted(map(str, range(_COUNT)))
    mesh.close()


def test_idempotent_results_of_a_partition_that_is_revoked_in_the_middle_are_closed() -> None:
    mesh = MeshDriver([NODES / "node_transfer_effect" / "v1_0_0"])
    for key in range(_COUNT):
        mesh.send(MoveMoney(account="a", amount=1), headers=[(h.IDEMPOTENCY_KEY, b"%d" % key)], run=False)
    mesh.advance("100s")
    mesh.crash(mesh.instances[0])
    instance = mesh.add_instance(NodeTransferEffect)
    while not instance.health.snapshot():
        instance.step()
    host = host_of(instance)
    host.on_lost(instance.consumer.assignment())
    answers = host.engine._results
    assert answers is not None
    assert list(answers._stores.assigned) == []
    assert not host.partitions.are_restoring
    assert instance.health.ready
    mesh.close()


class Polled(MemoryConsumer):
    """Counts its polls."""

    polls = 0

    def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
        Polled.polls += 1
        return super().batch(most, timeout)


class PolledBus(MemoryEventBus):
    def subscribe(
        self, group: str, topics: Sequence[str], listener: ProtocolRebalanceListener | None = None
    ) -> MemoryConsumer:
        return Polled(self.broker, group, topics, listener)


class Watched(Engine):
    """Notes when it adopted partitions, and the records that it took before."""

    polls_at_adoption: int | None = None
    adopted: Adopted | None = None
    early = 0

    def adopt(self, adopted: Adopted) -> None:
        self.polls_at_adoption, self.adopted = Polled.polls, adopted

    def take(self, records: Sequence[ProtocolRecord]) -> None:
        self.early += len(records) if self.adopted is None else 0


@pytest.mark.parametrize("room", [1, 0], ids=["with room", "without room"])
def test_the_process_polls_between_the_chunks(inside: list[str], room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onex.agent.process.effect_runner._PATIENCE", 0.0)
    monkeypatch.setattr(Polled, "polls", 0)
    bus = PolledBus(memory_bus().broker)
    for number in range(_COUNT):
        bus.publish(Outgoing("t.retry", b"", b"k", [(h.RETRY_DUE, b"1"), (h.ID, b"%d" % number)], 0))
    bus.publish(Outgoing("t", b"", b"k", [], 0))
    engine = Watched(BusySettlement())
    monkeypatch.setattr(engine, "room", lambda: room)
    run(engine, bus, lambda: engine.adopted is not None)
    assert engine.adopted is not None
    assert engine.adopted.backlogs[0].keys == {b"k": _COUNT}
    assert engine.early == 0
    assert engine.polls_at_adoption is not None
    assert engine.polls_at_adoption >= (_COUNT // _CHUNK if room else 2)
    assert inside == ["assigned"]
