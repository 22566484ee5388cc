"""Layers around handlers. An engine implements the hooks that it needs; its stage decides its place."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from onex.model.context import Context
from onex.model.message import Message

Proceed = Callable[[Message, Context], Awaitable[object]]
"""Calls the next layer, or the handler of an EFFECT."""


@runtime_checkable
class ProtocolAround(Protocol):
    """Surrounds each call of an EFFECT's handler."""

    async def around(self, message: Message, context: Context, proceed: Proceed) -> object:
        """Call ``proceed`` and return its result, or raise as a handler would."""
        ...


@runtime_checkable
class ProtocolCheck(Protocol):
    """Checks each message before its handler, on every kind of node. It never waits."""

    def check(self, message: Message) -> None:
        """Raise RejectedError for a message that must not reach the handler."""
        ...


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """A committed batch of a COMPUTE, REDUCER or ORCHESTRATOR."""

    count: int
    """Messages read."""
    sent: int
    """Messages published."""
    dead: Sequence[str]
    """Failure classes of the messages that became dead letters."""
    seconds: float
    """From the first record to the end of the last handler."""


@runtime_checkable
class ProtocolBatchObserver(Protocol):
    """Is called once a batch, so that a batch of a thousand messages costs as much as one message."""

    def observed(self, batch: BatchFacts) -> None: ...


def fold(layers: Sequence[object], handle: Proceed) -> Proceed:
    """Return the handler of an EFFECT with layers around it, the first outermost. Called once at start."""
    for layer in reversed(layers):
        if isinstance(layer, ProtocolAround):
            handle = _surround(layer.around, handle)
        if isinstance(layer, ProtocolCheck):
            handle = _checked(layer.check, handle)
    return handle


def fold_checks(layers: Sequence[object], handle: Callable[..., object], *, keyed: bool) -> Callable[..., object]:
    """Return the handler of a pure node with the checks before it.

    It takes ``(message)``, or ``(state, message, context)`` when ``keyed``.
    """
    checks = [layer.check for layer in layers if isinstance(layer, ProtocolCheck)]
    if not checks:
        return handle
    if keyed:

        def checked_keyed(state: Message | None, message: Message, context: Context) -> object:
            for check in checks:
                check(message)
            return handle(state, message, context)

        return checked_keyed

    def checked(message: Message) -> object:
        for check in checks:
            check(message)
        return handle(message)

    return checked


def _surround(around: Callable[[Message, Context, Proceed], Awaitable[object]], proceed: Proceed) -> Proceed:
    return lambda message, context: around(message, context, proceed)


def _checked(check: Callable[[Message], None], proceed: Proceed) -> Proceed:
    async def checked(message: Message, context: Context) -> object:
        check(message)
        return await proceed(message, context)

    return checked
