"""Interface of log aggregation."""

from typing import Protocol


class ProtocolLogAggregation(Protocol):
    """Sends log lines in the background."""

    async def flush(self) -> bool:
        """Send the lines that wait now. Return False when an attempt failed; lines that were not sent still wait."""
        ...
