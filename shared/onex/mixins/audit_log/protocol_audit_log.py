"""What a node may do with its audit log."""

from typing import Protocol


class ProtocolAuditLog(Protocol):
    """Entries are in the topic, acknowledged, when ``record`` ends. ``onex audit verify`` checks the chains."""

    async def record(self, what: str, /, *, detail: str = "", **facts: object) -> None:
        """One entry. Raises TransientError where it cannot be written, with ``fail_closed``."""
        ...
