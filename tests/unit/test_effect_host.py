"""The native host of effects: what the loop that commits owes to the one who stops it."""

import asyncio
from collections.abc import Mapping, Sequence

from onex.agent.metrics import AgentMetrics
from onex.agent.native.effect_host import EffectHost
from onex.agent.outcome import Commit
from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import Partition, TopicState
from onex.node import NodeEffect


class BusyEngine:
    """Always has another outcome to commit, as an effect under steady load has."""

    held: Sequence[Partition] = ()
    progress: Mapping[Partition, int] = {}

    def __init__(self, stopping: asyncio.Event) -> None:
        self.commits = 0
        self._stopping = stopping

    def snapshot(self) -> Commit:
        return Commit((), {})

    def commit(self, *_: object) -> None: ...

    def committed(self, _: Commit) -> None:
        self.commits += 1
        if self.commits == 3:
            self._stopping.set()

    def room(self) -> int:
        return 1

    def observe(self) -> None: ...


def test_an_effect_under_steady_load_stops_when_told() -> None:
    async def run() -> BusyEngine:
        stopping = asyncio.Event()
        engine, bus = BusyEngine(stopping), MemoryEventBus(MemoryBroker(lambda: 0))
        bus.admin.create(TopicState("t", 1, 1, {}))
        host = EffectHost(lambda _: engine, NodeEffect(), bus, "g", [], "id", 5.0, AgentMetrics("n"))  # type: ignore[arg-type,return-value]  # a double
        async with asyncio.timeout(20):
            await host.run(stopping)
        return engine

    assert asyncio.run(run()).commits >= 3
