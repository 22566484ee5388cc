"""The current message: the engine sets it around every call of a handler."""

from contextvars import ContextVar
from dataclasses import dataclass

from typing_extensions import override

from onex.agent.message.envelope import Envelope
from onex.capability import ProtocolCurrentMessage


@dataclass(slots=True)
class Current:
    """The envelope of the message that a thread or task handles.

    A pure engine makes one for each group of records and changes its field, because setting a context variable takes
    several times as long.
    """

    envelope: Envelope | None = None


CURRENT: ContextVar[Current] = ContextVar("onex_current", default=Current())  # noqa: B039 - the default is never changed
"""Each asyncio task of an effect has its own value; pure kinds have one thread."""


def current_envelope() -> Envelope | None:
    """Return the envelope of the current message; None outside of a handler."""
    return CURRENT.get().envelope


_TRACE_ID = slice(3, 35)
"""Characters of a ``traceparent``."""


class CurrentMessage(ProtocolCurrentMessage):
    """Reads the envelope of the current message."""

    @property
    @override
    def message_id(self) -> str:
        return "" if (envelope := current_envelope()) is None else envelope.id.decode(errors="replace")

    @property
    @override
    def idempotency_key(self) -> str:
        return "" if (envelope := current_envelope()) is None else envelope.idempotency_key.decode(errors="replace")

    @property
    @override
    def correlation_id(self) -> str:
        return "" if (envelope := current_envelope()) is None else envelope.correlation.decode(errors="replace")

    @property
    @override
    def trace_parent(self) -> str:
        envelope = current_envelope()
        return "" if envelope is None else (envelope.trace_parent or b"").decode(errors="replace")

    @property
    @override
    def deadline_ms(self) -> int:
        return 0 if (envelope := current_envelope()) is None else envelope.deadline_ms

    @override
    def header(self, name: str) -> str:
        return "" if (envelope := current_envelope()) is None else envelope.header(name).decode(errors="replace")


def facts(envelope: Envelope) -> dict[str, str]:
    """Return the ids of the current message, which every log line about it has."""
    ids = {
        "correlation_id": envelope.correlation.decode(errors="replace"),
        "message_id": envelope.id.decode(errors="replace"),
    }
    if workflow := envelope.reply_key or envelope.key:
        ids["workflow_id"] = workflow.decode(errors="replace")
    if trace_parent := envelope.trace_parent:
        ids["trace_id"] = trace_parent[_TRACE_ID].decode(errors="replace")
    return ids
