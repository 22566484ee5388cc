"""The in-memory bus of one instance: it keeps the clients of the engine, so that a test can put faults into them."""

from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from typing_extensions import override

from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.memory.consumer import MemoryConsumer
from onex.bus.memory.transaction import MemoryTransaction
from onex.bus.protocols import ProtocolRebalanceListener

P = ParamSpec("P")
T = TypeVar("T")


class InstanceBus(MemoryEventBus):
    """Keeps the first consumer and the first transaction: the engine makes its clients before all others."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self._consumers: list[MemoryConsumer] = []
        self._transactions: list[MemoryTransaction] = []

    @property
    def consumer(self) -> MemoryConsumer:
        """The consumer of the engine."""
        return self._consumers[0]

    @property
    def engine_transaction(self) -> MemoryTransaction:
        """The transaction of the engine."""
        return self._transactions[0]

    @override
    def subscribe(
        self, group: str, topics: Sequence[str], listener: ProtocolRebalanceListener | None = None
    ) -> MemoryConsumer:
        consumer = super().subscribe(group, topics, listener)
        self._consumers = self._consumers or [consumer]
        return consumer

    @override
    def transaction(self, transactional_id: str | None) -> MemoryTransaction:
        transaction = super().transaction(transactional_id)
        self._transactions = self._transactions or [transaction]
        return transaction


async def call_directly(call: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> T:
    """Make a call of the in-memory bus, which never waits. See ``AgentRuntime.run_call``."""
    return call(*args, **named)
