"""Which message an engine works for, where it is not handed one."""

from typing import Protocol


class ProtocolCurrentMessage(Protocol):
    """The message in hand on this thread or task. Outside of a handler everything is empty."""

    @property
    def message_id(self) -> str: ...
    @property
    def correlation_id(self) -> str: ...
    @property
    def trace_parent(self) -> str:
        """Of W3C trace context."""
        ...

    @property
    def deadline_ms(self) -> int:
        """Milliseconds since 1970 after which nobody waits for the answer; 0 where nobody said."""
        ...

    def header(self, name: str) -> str:
        """Text of a header of its record; empty where it has none."""
        ...


class NoCurrentMessage:
    """Of a node that no agent runs."""

    message_id = ""
    correlation_id = ""
    trace_parent = ""
    deadline_ms = 0

    def header(self, name: str) -> str:
        """Empty."""
        return ""
