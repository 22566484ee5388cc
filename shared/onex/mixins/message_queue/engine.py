"""Sends messages in one lane for each key, with retries."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt
from typing_extensions import override

from onex.capability import Event, ProtocolCurrentMessage, ProtocolEventSink
from onex.errors import TransientError
from onex.mixins.message_queue.model_message_queue_subcontract import EnumQueueOrder, ModelMessageQueueSubcontract
from onex.mixins.message_queue.protocol_message_queue import ProtocolMessageQueue
from onex.model.message import Message
from onex.util.backoff import doubling


@dataclass(slots=True)
class _Lane:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class MessageQueueEngine(ProtocolMessageQueue):
    """One lock for each lane with waiting messages. Belongs to one event loop."""

    def __init__(
        self, settings: ModelMessageQueueSubcontract, sink: ProtocolEventSink, current_message: ProtocolCurrentMessage
    ) -> None:
        self._settings = settings
        self._sink = sink
        self._current_message = current_message
        self._lanes: dict[str, _Lane] = {}
        self._slots = asyncio.Semaphore(settings.max_in_flight)
        self._waiting = self._sent = self._failed = 0

    @override
    async def send(self, message: Message, *, key: str = "") -> None:
        event = Event.of(message, self._current_message, key)
        self._waiting += 1
        try:
            async with self._turn(key or (message.partition_key() or b"").decode()), self._slots:
                await self._attempts(event)
            self._sent += 1
        except BaseException:
            self._failed += 1
            raise
        finally:
            self._waiting -= 1

    @asynccontextmanager
    async def _turn(self, key: str) -> AsyncIterator[None]:
        """Wait for all earlier messages of the lane."""
        if self._settings.ordering is EnumQueueOrder.NONE:
            yield
            return
        name = key if self._settings.ordering is EnumQueueOrder.KEY else ""
        lane = self._lanes.setdefault(name, _Lane())
        lane.users += 1
        try:
            async with lane.turn:
                yield
        finally:
            lane.users -= 1
            if not lane.users:
                del self._lanes[name]

    async def _attempts(self, event: Event) -> None:
        settings = self._settings
        attempts = AsyncRetrying(
            stop=stop_after_attempt(settings.max_attempts),
            wait=doubling(settings.base_delay_seconds, settings.max_delay_seconds),
            retry=retry_if_exception_type(TransientError),
            reraise=True,
        )
        await attempts(self._once, event)

    async def _once(self, event: Event) -> None:
        limit = self._settings.send_timeout_seconds
        try:
            async with asyncio.timeout(limit):
                await self._sink.send([event])
        except TimeoutError:
            raise TransientError(f"{type(event.message).__name__} was not acknowledged within {limit:g} s") from None

    @property
    @override
    def waiting(self) -> int:
        return self._waiting

    def reported_metrics(self) -> Mapping[str, float]:
        """Sent, failed and waiting messages."""
        return {"sent": float(self._sent), "failed": float(self._failed), "waiting": float(self._waiting)}
