"""Instances of a node with caches: one server, one board of topics, one clock."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from typing_extensions import override

from onex.capability import Event, ProtocolTopicFollower, SharedResources
from onex.capability.following import NothingFollowed, ProtocolFollowing, Take
from onex.mixins.caching import ModelCachingSubcontract
from onex.mixins.caching.engine import CachingEngine
from onex.mixins.intelligent_caching import ModelIntelligentCachingSubcontract
from onex.mixins.intelligent_caching.engine import IntelligentCachingEngine
from onex.mixins.intelligent_caching.invalidation import Invalidation
from onex.mixins.intelligent_caching.names import Namespace
from onex.mixins.intelligent_caching.second_level import SecondLevel
from onex.model.mesh import CAPABILITY_TOPICS, CacheInvalidated
from onex.model.message import Message
from onex.testing.clock import ManualClock
from tests.mixins.helpers import CURRENT_MESSAGE, Sink
from tests.mixins.redis_server import FakeRedis
from tests.mixins.virtual import play

TOPIC = "onex.evt.prices.price-changed.v1"


class PriceChanged(Message, key="product"):
    """A price is another one."""

    product: str
    kind: str = "fruit"


class Board(ProtocolTopicFollower):
    """Topics whose messages all instances receive."""

    def __init__(self) -> None:
        self.takers: list[tuple[Mapping[str, type[Message]], Take]] = []
        self.following = NothingFollowed()

    @override
    def model(self, name: str) -> type[Message]:
        return {"PriceChanged": PriceChanged}[name]

    @override
    async def follow(self, topics: Mapping[str, type[Message]], take: Take) -> ProtocolFollowing:
        self.takers.append((topics, take))
        return self.following

    def write(self, topic: str, message: Message) -> None:
        for topics, take in self.takers:
            if topic in topics:
                take(topic, message)


@dataclass
class Publisher(Sink):
    """Writes events to a board."""

    board: Board
    down: Exception | None = None
    events: list[Event] = field(default_factory=list)

    @override
    async def send(self, events: Sequence[Event]) -> None:
        if self.down:
            raise self.down
        for event in events:
            self.events.append(event)
            self.board.write(CAPABILITY_TOPICS[CacheInvalidated], event.message)


class Mesh:
    """Instances of a node with one server and one board."""

    def __init__(self, *, with_server: bool = True) -> None:
        self.clock = ManualClock()
        self.server = FakeRedis(self.clock)
        self.with_server = with_server
        self.board = Board()
        self.loads = 0
        self.down: Exception | None = None

    def play(self, work: "Awaitable[object]") -> object:
        async def run() -> object:
            return await work

        return play(run(), self.clock)

    def later(self, seconds: float) -> None:
        self.clock.move_to(self.clock.monotonic() + seconds)

    def loader(self, took: float = 0.0) -> Callable[[], Awaitable[int]]:
        async def load() -> int:
            self.loads += 1
            number = self.loads
            await asyncio.sleep(took)
            if self.down:
                raise self.down
            return number

        return load

    def instance(self, *, caching: Mapping[str, object] | None = None, **settings: object) -> "Instance":
        return Instance(self, dict(caching or {}), settings)


class Instance:
    """One process."""

    def __init__(self, mesh: Mesh, caching: dict[str, object], settings: dict[str, object]) -> None:
        self.mesh = mesh
        self.reports: list[tuple[str, str]] = []
        self.publisher = Publisher(mesh.board)
        model = ModelIntelligentCachingSubcontract.model_validate(settings)
        first = ModelCachingSubcontract.model_validate({"ttl_seconds": 100, "ttl_jitter": 0, **caching})
        self.first = CachingEngine(first, mesh.clock)
        namespace = Namespace("node_shop_effect:1.0.0")
        self.second = SecondLevel(model, namespace, mesh.clock, lambda *event: self.reports.append(event))
        if mesh.with_server:
            self.second.use(mesh.server)
        invalidation = Invalidation(model, namespace.name, mesh.board, self.publisher, CURRENT_MESSAGE, mesh.clock)
        self.engine = IntelligentCachingEngine(
            model, self.first, self.second, invalidation, namespace, mesh.clock, SharedResources()
        )

    async def load(self, key: str = "k", took: float = 0.0, **named: object) -> int:
        tags = cast("Sequence[str]", named.get("tags", ()))
        return await self.engine.load(
            key, int, self.mesh.loader(took), ttl=cast(float | None, named.get("ttl")), tags=tags
        )
