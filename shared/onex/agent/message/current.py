"""The message in hand, for logs: set by the engine around every handler call."""

from contextvars import ContextVar

from onex.agent.message.envelope import Envelope

CURRENT: ContextVar[Envelope | None] = ContextVar("onex_current", default=None)
"""Each asyncio task of an effect has its own; pure kinds have one thread."""

_TRACE_ID = slice(3, 35)
"""Of a ``traceparent``."""


class CurrentMessage:
    """See :class:`onex.capability.ProtocolCurrentMessage`."""

    @property
    def message_id(self) -> str:
        """Empty outside of a handler, as all the others are."""
        return "" if (envelope := CURRENT.get()) is None else envelope.id.decode(errors="replace")

    @property
    def correlation_id(self) -> str:
        """Of everything that one published command sets in motion."""
        return "" if (envelope := CURRENT.get()) is None else envelope.correlation.decode(errors="replace")

    @property
    def trace_parent(self) -> str:
        """Of the processing of the message."""
        return "" if (envelope := CURRENT.get()) is None else (envelope.trace_parent or b"").decode(errors="replace")

    @property
    def deadline_ms(self) -> int:
        """See the protocol."""
        return 0 if (envelope := CURRENT.get()) is None else envelope.deadline_ms

    def header(self, name: str) -> str:
        """See the protocol."""
        return "" if (envelope := CURRENT.get()) is None else envelope.header(name).decode(errors="replace")


def facts(envelope: Envelope) -> dict[str, str]:
    """Ids of the message in hand, as they stand in every log line written for it."""
    found = {
        "correlation_id": envelope.correlation.decode(errors="replace"),
        "message_id": envelope.id.decode(errors="replace"),
    }
    if workflow := envelope.reply_key or envelope.key:
        found["workflow_id"] = workflow.decode(errors="replace")
    if trace_parent := envelope.trace_parent:
        found["trace_id"] = trace_parent[_TRACE_ID].decode(errors="replace")
    return found
