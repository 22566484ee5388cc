"""What a node may do with traces."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

Attribute = str | int | float | bool


class ProtocolSpan(Protocol):
    """One span, while it is open."""

    def note(self, **attributes: Attribute) -> None:
        """Facts about it."""
        ...

    def event(self, name: str, /, **attributes: Attribute) -> None:
        """Something that happened within it."""
        ...


class ProtocolTracing(Protocol):
    """Spans, and what another system needs to go on with the trace."""

    def span(self, name: str, /, **attributes: Attribute) -> AbstractContextManager[ProtocolSpan]:
        """A span within the one around it, or within the processing of the message in hand. An exception marks it as
        failed."""
        ...

    def headers(self) -> Mapping[str, str]:
        """For a call of another system: ``traceparent`` of the span that is open, and the correlation id."""
        ...
