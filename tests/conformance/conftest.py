"""Fixtures that run the same tests on every bus."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import pytest

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import ProtocolConsumer, ProtocolEventBus, ProtocolRebalanceListener, TopicState

_numbers = count(1)
MakeTopic = Callable[..., str]
Expel = Callable[[], None]
MakeMember = Callable[[str, str, ProtocolRebalanceListener], tuple[ProtocolConsumer, Expel]]


@pytest.fixture(params=["memory", "kafka"])
def bus(request: pytest.FixtureRequest) -> Iterator[ProtocolEventBus]:
    """Return a bus of each kind."""
    if request.param == "memory":
        yield MemoryEventBus(MemoryBroker(lambda: 1_700_000_000_000))
        return
    shared: KafkaEventBusAdapter = request.getfixturevalue("kafka_bus")
    yield shared


@pytest.fixture
def topic(bus: ProtocolEventBus) -> MakeTopic:
    """Return a function that creates a topic with a new name."""

    def make(partitions: int = 1, **config: str) -> str:
        name = f"onex.evt.test.t{next(_numbers)}.v1"
        settings = {key.replace("_", "."): value for key, value in config.items()}
        bus.admin.create([TopicState(name, partitions, 1, settings)])
        return name

    return make


@pytest.fixture
def impatient(bus: ProtocolEventBus) -> Iterator[MakeMember]:
    """Return a function that creates a member of a group, and a function that makes the group expel it.

    The group expels it because it does not poll.
    """
    opened: list[KafkaEventBusAdapter] = []

    def make(group: str, topic: str, listener: ProtocolRebalanceListener) -> tuple[ProtocolConsumer, Expel]:
        if isinstance(bus, MemoryEventBus):
            member = bus.subscribe(group, [topic], listener)
            return member, member.expel
        assert isinstance(bus, KafkaEventBusAdapter)
        opened.append(KafkaEventBusAdapter(replace(bus.config, extra={"max.poll.interval.ms": "1000"})))
        return opened[0].subscribe(group, [topic], listener), lambda: None

    yield make
    for other in opened:
        other.close()


@pytest.fixture
def group() -> str:
    """Return a new group name."""
    return f"test.group{next(_numbers)}.consume.v1"
