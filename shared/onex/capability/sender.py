"""Who sent the message in hand, as far as somebody found out."""

from contextvars import ContextVar

SENDER: ContextVar[str] = ContextVar("onex_sender", default="")
"""Set by ``MixinAuthentication`` for each message; empty where nobody is known."""
