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


@runtime_checkable
class ProtocolOutputHeaders(Protocol):
    """Adds headers to every record that the node writes for its messages, on every kind of node."""

    def headers_of(
        self, topic: str, key: bytes | None, message_id: bytes, value: bytes
    ) -> Sequence[tuple[str, bytes]]:
        """Return the headers to add. It never waits."""
        ...


@runtime_checkable
class ProtocolIntake(Protocol):
    """Limits what an agent reads. Messages that it does not read wait in their topics."""

    def available(self, most: int) -> int:
        """Return how many messages may be read now, at most ``most``."""
        ...

    def took(self, count: int) -> None:
        """Count messages that were read. They may be more than were available."""
        ...

    def wait_seconds(self) -> float:
        """Return the seconds until messages may be read, 0 for now. Infinite where only another event ends it.

        Any thread may call it. It changes nothing.
        """
        ...


@runtime_checkable
class ProtocolAfter(Protocol):
    """Is called after each handler of a COMPUTE, REDUCER or ORCHESTRATOR, also after one that raised."""

    def after(self) -> None: ...


@runtime_checkable
class ProtocolRecorder(Protocol):
    """Writes entries about the inputs of a COMPUTE, REDUCER or ORCHESTRATOR into the transaction of the input.

    It commits nothing before ``observed`` of :class:`ProtocolBatchObserver` is called.
    """

    def began(self) -> None:
        """A transaction begins. Entries since the last ``observed`` were not committed."""
        ...

    def entries(self, message: Message | None, error: BaseException | None) -> Sequence[Message]:
        """Return the entries about the current message; ``error`` is why it becomes a dead letter.

        ``message`` is None for a record that cannot be decoded.
        """
        ...


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
    handle = _with_checks(checks, handle, keyed=keyed) if checks else handle
    for layer in layers:
        if isinstance(layer, ProtocolAfter):
            handle = _followed(layer.after, handle)
    return handle


def _with_checks(
    checks: Sequence[Callable[[Message], None]], handle: Callable[..., object], *, keyed: bool
) -> Callable[..., object]:
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


def _followed(after: Callable[[], None], handle: Callable[..., object]) -> Callable[..., object]:
    def followed(*arguments: object) -> object:
        try:
            return handle(*arguments)
        finally:
            after()

    return followed


def _surround(around: Callable[[Message, Context, Proceed], Awaitable[object]], proceed: Proceed) -> Proceed:
    return lambda message, context: around(message, context, proceed)


def _checked(check: Callable[[Message], None], proceed: Proceed) -> Proceed:
    async def checked(message: Message, context: Context) -> object:
        check(message)
        return await proceed(message, context)

    return checked
