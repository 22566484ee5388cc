"""The runner of effects: how its commits meet a stop and an assignment."""

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence

import pytest

from onex.agent.effect.outcome import Commit
from onex.agent.effect.partitions import Adopted, EffectPartitions
from onex.agent.effect.retry_topic import RetryTopic
from onex.agent.process.effect_runner import EffectRunner
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.agent.topic_limits import TopicLimits
from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.memory.consumer import MemoryConsumer
from onex.bus.protocols import (
    Partition,
    ProtocolEventBus,
    ProtocolRebalanceListener,
    ProtocolRecord,
    TopicState,
)
from onex.errors import BusUnavailableError
from tests.unit.runtimes import memory_runtime


class BusySettlement:
    """Always has another outcome to commit, as an effect under steady load has."""

    progress: Mapping[Partition, int] = {}

    def __init__(self, on_commit: Callable[[], None] = lambda: None) -> None:
        self.commits = 0
        self.committing = False
        self._on_commit = on_commit

    def snapshot(self) -> Commit:
        return Commit((), {})

    def write(self, *_: object) -> None: ...

    def commit(self, *_: object) -> None:
        self.committing = True
        self._on_commit()
        self.committing = False

    def committed(self, _: Commit) -> None:
        self.commits += 1

    def owes(self, _: Collection[Partition]) -> bool:
        return False


class Engine:
    """As much of an engine as the host needs."""

    held: Sequence[Partition] = ()
    failure: BaseException | None = None
    limits = TopicLimits.usual()

    def __init__(self, committer: BusySettlement) -> None:
        self.committer = committer
        self.adopted_in_commit: list[bool] = []
        self.abandoned_in_commit: list[bool] = []
        self.closed = False

    def room(self) -> int:
        return 1

    def observe(self) -> None: ...

    def decisions(self, _: object) -> Sequence[object]:
        return ()

    def take(self, _: Sequence[ProtocolRecord]) -> None: ...

    def partitions_on(self, bus: ProtocolEventBus) -> EffectPartitions:
        return EffectPartitions(RetryTopic("t.retry"), None, "n", bus, Health(), AgentMetrics("n"), lambda: self.held)

    def adopt(self, _: Adopted) -> None:
        self.adopted_in_commit.append(self.committer.committing)

    async def drain(self, *_: object) -> None: ...

    def close(self) -> None:
        self.closed = True

    def abandon(self, _: object) -> None:
        self.abandoned_in_commit.append(self.committer.committing)


def run(engine: Engine, bus: MemoryEventBus, until: Callable[[], bool]) -> None:
    async def scene() -> None:
        stopping = asyncio.Event()
        host = EffectRunner(lambda _: engine, ["t"], memory_runtime(bus), 5.0)  # type: ignore[arg-type,return-value]  # a double
        await host.take_over()
        await host.subscribe()
        running = asyncio.create_task(host.run(stopping))
        while not until() and not running.done():
            await asyncio.sleep(0.01)
        stopping.set()
        await running

    async def within() -> None:
        async with asyncio.timeout(20):
            await scene()

    asyncio.run(within())


def memory_bus() -> MemoryEventBus:
    bus = MemoryEventBus(MemoryBroker(lambda: 0))
    bus.admin.create([TopicState("t", 1, 1, {}), TopicState("t.retry", 1, 1, {})])
    return bus


def test_an_effect_under_steady_load_stops_when_told() -> None:
    engine = Engine(BusySettlement())
    run(engine, memory_bus(), lambda: engine.committer.commits >= 3)
    assert engine.committer.commits >= 3


def test_partitions_are_not_adopted_while_a_commit_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    in_commit, adopted = threading.Event(), threading.Event()

    def commit() -> None:
        in_commit.set()
        adopted.wait(0.3)

    class LateConsumer(MemoryConsumer):
        """Gets its partitions while the host commits."""

        def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
            in_commit.wait(10)
            return super().batch(most, timeout)

    class Bus(MemoryEventBus):
        def subscribe(
            self, group: str, topics: Sequence[str], listener: ProtocolRebalanceListener | None = None
        ) -> MemoryConsumer:
            return LateConsumer(self.broker, group, topics, listener)

    bus = Bus(memory_bus().broker)
    engine = Engine(BusySettlement(commit))
    original = engine.adopt

    def adopt(given: Adopted) -> None:
        original(given)
        adopted.set()

    monkeypatch.setattr(engine, "adopt", adopt)
    run(engine, bus, adopted.is_set)
    assert engine.adopted_in_commit == [False]


def test_a_host_that_fails_releases_what_its_engine_holds() -> None:
    class BrokenConsumer(MemoryConsumer):
        def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
            raise BusUnavailableError("gone")

    class Bus(MemoryEventBus):
        def subscribe(
            self, group: str, topics: Sequence[str], listener: ProtocolRebalanceListener | None = None
        ) -> MemoryConsumer:
            return BrokenConsumer(self.broker, group, topics, listener)

    engine = Engine(BusySettlement())
    with pytest.raises(BusUnavailableError):
        run(engine, Bus(memory_bus().broker), lambda: False)
    assert engine.closed


@pytest.mark.parametrize(("times", "patience"), [(5, 30.0), (1_000_000, 0.01)], ids=["for a moment", "for long"])
def test_partitions_are_paused_only_when_there_is_no_room_for_long(
    monkeypatch: pytest.MonkeyPatch, times: int, patience: float
) -> None:
    monkeypatch.setattr("onex.agent.process.effect_runner._PATIENCE", patience)
    pauses: list[Sequence[Partition]] = []

    class WatchedConsumer(MemoryConsumer):
        def pause(self, partitions: Sequence[Partition]) -> None:
            pauses.extend([partitions] if partitions and engine.adopted_in_commit else [])
            super().pause(partitions)

    class Bus(MemoryEventBus):
        def subscribe(
            self, group: str, topics: Sequence[str], listener: ProtocolRebalanceListener | None = None
        ) -> MemoryConsumer:
            return WatchedConsumer(self.broker, group, topics, listener)

    class CrowdedEngine(Engine):
        """Has no room for a number of calls, once its partitions are assigned."""

        asked = 0

        def room(self) -> int:
            self.asked += bool(self.adopted_in_commit)
            return 0 if 0 < self.asked < times else 1

    engine = CrowdedEngine(BusySettlement())
    run(engine, Bus(memory_bus().broker), lambda: bool(pauses) or engine.asked > 2 * times)
    assert bool(pauses) == (patience < 1)


def test_partitions_are_not_given_up_while_a_commit_is_under_way() -> None:
    in_commit = threading.Event()

    def commit() -> None:
        in_commit.set()
        time.sleep(0.3)  # what the commit takes

    class LeavingConsumer(MemoryConsumer):
        """Revokes its partitions just when the runner has begun to commit."""

        def close(self) -> None:
            in_commit.clear()
            in_commit.wait(10)
            super().close()

    class Bus(MemoryEventBus):
        def subscribe(
            self, group: str, topics: Sequence[str], listener: ProtocolRebalanceListener | None = None
        ) -> MemoryConsumer:
            return LeavingConsumer(self.broker, group, topics, listener)

    engine = Engine(BusySettlement(commit))
    run(engine, Bus(memory_bus().broker), lambda: engine.committer.commits >= 1)
    assert engine.abandoned_in_commit == [False]


def test_a_member_that_lost_its_partitions_joins_again_only_after_the_commit_under_way() -> None:
    in_commit, was_told = threading.Event(), threading.Event()
    committing_when_joining: list[bool] = []

    def commit() -> None:
        in_commit.set()
        was_told.wait(10)
        time.sleep(0.1)  # what is left of the commit

    class LosingConsumer(MemoryConsumer):
        """Loses its partitions while the host commits, and would join again in the next poll."""

        listener: ProtocolRebalanceListener

        def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
            records = super().batch(most, timeout)
            if not committing_when_joining:
                in_commit.clear()
                in_commit.wait(10)
                was_told.set()
                self.listener.on_lost([Partition("t", 0)])
                committing_when_joining.append(engine.committer.committing)
            return records

    class Bus(MemoryEventBus):
        def subscribe(
            self, group: str, topics: Sequence[str], listener: ProtocolRebalanceListener | None = None
        ) -> MemoryConsumer:
            consumer = LosingConsumer(self.broker, group, topics, listener)
            assert listener is not None
            consumer.listener = listener
            return consumer

    engine = Engine(BusySettlement(commit))
    run(engine, Bus(memory_bus().broker), lambda: bool(committing_when_joining))
    assert committing_when_joining == [False]


def test_a_member_polls_on_while_its_handlers_end_after_it_was_told_to_stop() -> None:
    polls_in_drain: list[int] = []

    class DrainingEngine(Engine):
        is_draining = False

        async def drain(self, *_: object) -> None:
            self.is_draining = True
            while len(polls_in_drain) < 3 and not consumers[0].is_closing:
                await asyncio.sleep(0.001)
            self.is_draining = False

    class WatchedConsumer(MemoryConsumer):
        is_closing = False

        def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
            if engine.is_draining:
                polls_in_drain.append(most)
            return super().batch(most, timeout)

        def close(self) -> None:
            self.is_closing = True
            super().close()

    consumers: list[WatchedConsumer] = []

    class Bus(MemoryEventBus):
        def subscribe(
            self, group: str, topics: Sequence[str], listener: ProtocolRebalanceListener | None = None
        ) -> MemoryConsumer:
            consumers.append(WatchedConsumer(self.broker, group, topics, listener))
            return consumers[0]

    engine = DrainingEngine(BusySettlement())
    run(engine, Bus(memory_bus().broker), lambda: engine.committer.commits >= 1)
    assert len(polls_in_drain) >= 3


@pytest.mark.parametrize("where", ["poll", "commit"])
def test_a_host_that_fails_leaves_its_group_without_waiting_for_handlers(where: str) -> None:
    """Otherwise its partitions have no owner until its session has ended."""
    drained: list[object] = []

    class Watched(Engine):
        async def drain(self, *of: object) -> None:
            drained.append(of[-1])

    class FailingConsumer(MemoryConsumer):
        def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
            records = super().batch(most, timeout)
            if where == "poll" and engine.committer.commits >= 1:
                raise BusUnavailableError("its position is not in the topic any more")
            return records

    class Bus(MemoryEventBus):
        def subscribe(
            self, group: str, topics: Sequence[str], listener: ProtocolRebalanceListener | None = None
        ) -> MemoryConsumer:
            return FailingConsumer(self.broker, group, topics, listener)

    def commit() -> None:
        if where == "commit" and engine.committer.commits >= 1:
            raise BusUnavailableError("clients must be made again")

    engine = Watched(BusySettlement(commit))
    bus = Bus(memory_bus().broker)
    with pytest.raises(BusUnavailableError):
        run(engine, bus, lambda: False)
    assert bus.broker.groups["g"].members == {}
    assert drained == [0.0]
