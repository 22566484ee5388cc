"""The authenticated sender of the current message."""

from contextvars import ContextVar

SENDER: ContextVar[str] = ContextVar("onex_sender", default="")
"""Set by ``MixinAuthentication`` for each message. Empty without an authenticated sender."""
