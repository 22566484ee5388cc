"""A buffer of events, and a task that sends them."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar, cast

import structlog
from pydantic import ValidationError
from typing_extensions import override

from onex.capability import Event, ProtocolCurrentMessage, ProtocolEventSink
from onex.errors import CompositionError, OnexError, RejectedError, TransientError
from onex.mixins.event_bus.model_event_bus_subcontract import EnumBusType, EnumRouting, ModelEventBusSubcontract
from onex.mixins.event_bus.protocol_event_bus import ProtocolEventPublisher
from onex.model.message import Message
from onex.util.clock import ProtocolClock
from onex.util.error_text import error_text, validation_text

log = structlog.get_logger(__name__)
M = TypeVar("M", bound=Message)
Listener = Callable[[Message], None]


class EventBusEngine(ProtocolEventPublisher):
    """Buffers events and sends them in batches. Belongs to one event loop.

    ``report`` is called for each event that could not be sent: type, outcome, error.
    """

    def __init__(
        self,
        settings: ModelEventBusSubcontract,
        sink: ProtocolEventSink,
        current_message: ProtocolCurrentMessage,
        clock: ProtocolClock,
        report: Callable[[str, str, str], None],
    ) -> None:
        self._settings = settings
        self._sink = sink
        self._current_message = current_message
        self._clock = clock
        self._report = report
        self._listeners: dict[type[Message], list[Listener]] = {}
        self._waiting: deque[tuple[float, Event]] = deque()
        self._changed = asyncio.Condition()
        self._sender: asyncio.Task[None] | None = None
        self._lost: OnexError | None = None
        self._sent = self._given_up = 0

    async def open(self) -> None:
        """Start sending."""
        self._sender = asyncio.create_task(self._send_always())

    async def close(self) -> None:
        """Send all waiting events, then stop."""
        sender, self._sender = self._sender, None
        if sender is not None:
            async with self._changed:
                await self._changed.wait_for(lambda: not self._waiting)
            sender.cancel()
            await asyncio.wait([sender])

    @override
    async def publish(self, event: Message, *, priority: str = "normal") -> None:
        settings = self._settings
        if not settings.event_bus_enabled:
            return
        if settings.enable_event_validation:
            check_event(event)
        if settings.enable_event_logging:
            log.info("event", type=type(event).__name__, priority=priority)
        if settings.event_bus_type is not EnumBusType.KAFKA:
            self._call_listeners(event)
        if settings.event_bus_type is not EnumBusType.MEMORY:
            await self._buffer(self._addressed(event, priority))

    @override
    def emit(self, event: Message) -> None:
        raise CompositionError(f"{type(event).__name__}: emit is for pure nodes; return the event, or await publish")

    def _addressed(self, event: Message, priority: str) -> Event:
        outgoing = Event(event)
        if self._settings.correlation_tracking:
            outgoing = Event.of(event, self._current_message)
        match self._settings.routing_key_strategy:
            case EnumRouting.TYPE_BASED:
                return replace(outgoing, key=event.message_name)
            case EnumRouting.PRIORITY_BASED:
                return replace(outgoing, key=priority)
            case EnumRouting.BROADCAST:
                return replace(outgoing, broadcast=True)
            case EnumRouting.TOPIC_BASED:  # pragma: no branch  # there is no other strategy
                return outgoing

    async def _buffer(self, event: Event) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._waiting) < self._settings.event_buffer_size)
            self._raise_lost()
            self._waiting.append((self._clock.monotonic(), event))
            self._changed.notify_all()

    @override
    async def flush(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: not self._waiting)
            self._raise_lost()

    def _raise_lost(self) -> None:
        """Raise TransientError once for the latest lost event. With ``graceful_degradation`` there is none."""
        lost, self._lost = self._lost, None
        if lost is not None:
            raise TransientError(f"events could not be published: {lost}") from lost

    @override
    def subscribe(self, model: type[M], listener: Callable[[M], None]) -> Callable[[], None]:
        registered = cast(Listener, listener)
        self._listeners.setdefault(model, []).append(registered)
        return lambda: self._listeners[model].remove(registered)

    def _call_listeners(self, event: Message) -> None:
        for listener in tuple(self._listeners.get(type(event), ())):
            try:
                listener(event)
            except Exception:
                log.exception("a listener failed", type=type(event).__name__)

    async def _send_always(self) -> None:
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._waiting))
                batch = [self._waiting[index] for index in range(min(len(self._waiting), self._batch))]
            await self._send_or_give_up(batch)
            async with self._changed:
                for _ in batch:
                    self._waiting.popleft()
                self._changed.notify_all()

    @property
    def _batch(self) -> int:
        return self._settings.event_batch_size

    async def _send_or_give_up(self, batch: list[tuple[float, Event]]) -> None:
        """Send a batch, with retries after transient failures. Give up its events when it cannot be sent."""
        oldest, events = batch[0][0], [event for _, event in batch]
        failure: OnexError
        for attempt in range(self._settings.max_retry_attempts + 1):  # pragma: no branch  # it returns or breaks
            try:
                await self._send(events)
            except Exception as error:  # noqa: BLE001 - the task continues after any failure of a batch
                failure = _classified(error)
                last = attempt == self._settings.max_retry_attempts
                if last or not isinstance(failure, TransientError) or self._is_old(oldest):
                    break
                await asyncio.sleep(self._settings.retry_delay_ms / 1000)
            else:
                self._sent += len(events)
                return
        for event in events:
            await self._give_up(event, failure)

    async def _send(self, events: list[Event]) -> None:
        async with asyncio.timeout(self._settings.publish_timeout_ms / 1000):
            await self._sink.send(events)

    def _is_old(self, oldest: float) -> bool:
        retention = self._settings.event_retention_seconds
        return bool(retention) and self._clock.monotonic() - oldest >= retention

    async def _give_up(self, event: Event, failure: OnexError) -> None:
        name = type(event.message).__name__
        self._given_up += 1
        has_dead_letter = False
        if self._settings.enable_dead_letter_queue:
            try:
                await self._sink.dead_letter(event, failure)
                has_dead_letter = True
            except OnexError as error:
                log.error("cannot write the dead letter of an event", type=name, error=str(error))
        log.error("an event could not be published", type=name, error=str(failure), dead_letter=has_dead_letter)
        self._report(name, "dead letter" if has_dead_letter else "lost", str(failure))
        if not self._settings.graceful_degradation:
            self._lost = failure

    def reported_metrics(self) -> Mapping[str, float]:
        """Sent events, events that could not be sent, and waiting events."""
        return {
            "sent": float(self._sent),
            "given_up": float(self._given_up),
            "waiting": float(len(self._waiting)),
        }


def check_event(event: Message) -> None:
    """Raise RejectedError for an event that was built without validation and is not valid."""
    try:
        type(event).model_validate(event.model_dump(warnings=False))
    except ValidationError as error:
        raise RejectedError(f"{type(event).__name__} is not valid: {validation_text(error, type(event))}") from None


def _classified(error: Exception) -> OnexError:
    match error:
        case OnexError():
            return error
        case TimeoutError():
            return TransientError("no acknowledgement in time")
        case _:
            return RejectedError(f"cannot be sent: {type(error).__name__}: {error_text(error)}")
