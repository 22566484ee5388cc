"""The message in hand, for logs: set by the engine around every handler call."""

from contextvars import ContextVar

from onex.agent.envelope import Envelope

CURRENT: ContextVar[Envelope | None] = ContextVar("onex_current", default=None)
"""Each asyncio task of an effect has its own; pure kinds have one thread."""


def facts(envelope: Envelope) -> dict[str, str]:
    """Ids of the message in hand, as they stand in every log line written for it."""
    found = {"correlation_id": envelope.correlation.decode(), "message_id": envelope.id.decode()}
    if workflow := envelope.reply_key or envelope.key:
        found["workflow_id"] = workflow.decode(errors="replace")
    if envelope.trace_parent:
        found["trace_id"] = envelope.trace_parent.decode(errors="replace").split("-")[1]
    return found
