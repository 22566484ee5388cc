"""Buses, wire format, schemas and provisioning."""

from onex.bus.protocols import (
    BusHealth,
    Headers,
    Outgoing,
    Partition,
    Position,
    ProtocolAdmin,
    ProtocolConsumer,
    ProtocolEventBus,
    ProtocolReader,
    ProtocolRebalanceListener,
    ProtocolRecord,
    ProtocolTransaction,
    TopicState,
)

__all__ = [
    "BusHealth",
    "Headers",
    "Outgoing",
    "Partition",
    "Position",
    "ProtocolAdmin",
    "ProtocolConsumer",
    "ProtocolEventBus",
    "ProtocolReader",
    "ProtocolRebalanceListener",
    "ProtocolRecord",
    "ProtocolTransaction",
    "TopicState",
]
