"""Interface of tracing."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

Attribute = str | int | float | bool


class ProtocolSpan(Protocol):
    """An open span."""

    def note(self, **attributes: Attribute) -> None:
        """Add attributes to the span."""
        ...

    def event(self, name: str, /, **attributes: Attribute) -> None:
        """Add an event to the span."""
        ...


class ProtocolTracing(Protocol):
    """Spans, and trace headers for calls of other systems."""

    def span(self, name: str, /, **attributes: Attribute) -> AbstractContextManager[ProtocolSpan]:
        """Return a context with a new span. Its parent is the open span, or the span of the current message.

        An exception within marks the span as failed.
        """
        ...

    def headers(self) -> Mapping[str, str]:
        """Return headers for a call of another system: ``traceparent`` of the open span, and the correlation id."""
        ...
