"""A bus without a broker, with Kafka's behaviour: partitions, groups, offsets, transactions, read-committed."""

from onex.bus.memory.adapter import MemoryEventBus
from onex.bus.memory.broker import MemoryBroker

__all__ = ["MemoryBroker", "MemoryEventBus"]
