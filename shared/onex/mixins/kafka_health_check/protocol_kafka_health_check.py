"""Interface of the broker check."""

from typing import Protocol

from onex.model.outgoing import BusHealth


class ProtocolKafkaHealth(Protocol):
    """Checks that brokers respond and topics exist."""

    async def look(self) -> BusHealth:
        """Run the check now and return its result."""
        ...
