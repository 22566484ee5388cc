"""The current message, for engines that are called without one."""

from typing import Protocol

from typing_extensions import override


class ProtocolCurrentMessage(Protocol):
    """The message that this thread or task handles. Outside of a handler all values are empty."""

    @property
    def message_id(self) -> str: ...
    @property
    def idempotency_key(self) -> str:
        """The same for every attempt at the same piece of work: the sender's key, or the id of the message."""
        ...

    @property
    def correlation_id(self) -> str: ...
    @property
    def trace_parent(self) -> str:
        """``traceparent`` of W3C Trace Context."""
        ...

    @property
    def deadline_ms(self) -> int:
        """Unix time in milliseconds after which no caller waits for the reply. 0 means no deadline."""
        ...

    def header(self, name: str) -> str:
        """Return the text of a header of its record, or an empty string."""
        ...


class NoCurrentMessage(ProtocolCurrentMessage):
    """The current message of a node that runs without an agent: always empty."""

    message_id = ""
    idempotency_key = ""
    correlation_id = ""
    trace_parent = ""
    deadline_ms = 0

    @override
    def header(self, name: str) -> str:
        return ""
