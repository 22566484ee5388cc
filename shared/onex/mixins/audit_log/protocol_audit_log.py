"""Interface of the audit log."""

from typing import Protocol


class ProtocolAuditLog(Protocol):
    """Writes entries to the audit topic. ``onex audit verify`` checks the chains."""

    async def record(self, what: str, /, *, detail: str = "", **facts: object) -> None:
        """Write one entry and return when the brokers have acknowledged it.

        For EFFECTs. With ``fail_closed``, raise TransientError when it cannot be written.
        """
        ...

    def note(self, what: str, /, *, detail: str = "", **facts: object) -> None:
        """Add one entry to the results of the current message. It is committed with them, and dropped if they are.

        For COMPUTE, REDUCER and ORCHESTRATOR.
        """
        ...
