"""What a node may ask about its brokers."""

from typing import Protocol

from onex.model.outgoing import BusHealth


class ProtocolKafkaHealth(Protocol):
    """Whether brokers answer and topics exist."""

    async def look(self) -> BusHealth:
        """Ask now."""
        ...
