"""Limits by dependency."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import structlog

from onex.capability import ProtocolCurrentMessage
from onex.errors import CallTimeoutError, DeadlineError
from onex.mixins.timeout.model_timeout_subcontract import ModelTimeoutSubcontract
from onex.model.error_text import safe_text
from onex.model.message import Message
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
T = TypeVar("T")


class TimeoutEngine:
    """See :class:`ProtocolTimeout`. Belongs to one event loop."""

    def __init__(
        self, settings: ModelTimeoutSubcontract, current_message: ProtocolCurrentMessage, clock: ProtocolClock
    ) -> None:
        self._settings = settings
        self._current_message = current_message
        self._clock = clock
        self._timeouts = 0
        self._own = {service.name: service.timeout_seconds for service in settings.services}
        self._left: set[object] = set()
        """Calls that did not end when they were cancelled; held, because the loop would forget them."""

    def check(self, message: Message) -> None:
        """Refuse a message whose answer nobody waits for any more."""
        if self._settings.refuse_late and (left := self.left()) is not None and left <= 0:
            raise DeadlineError(f"{type(message).__name__}: its deadline passed {-left:.3g} s ago")

    def left(self) -> float | None:
        """See the protocol."""
        deadline = self._current_message.deadline_ms
        return (deadline - self._clock.now_ms()) / 1000 if deadline else None

    async def call(self, dependency: str, work: Callable[[], Awaitable[T]]) -> T:
        """See the protocol."""
        limit = self._own.get(dependency, self._settings.timeout_seconds)
        if self._settings.keep_deadline and (left := self.left()) is not None:
            limit = min(limit, max(0.0, left))
        task: asyncio.Future[T] = asyncio.ensure_future(work())
        try:
            ended, _ = await asyncio.wait([task], timeout=limit)
        except asyncio.CancelledError:
            await self._end(dependency, task)
            raise
        if ended:
            return task.result()
        await self._end(dependency, task)
        self._timeouts += 1
        raise CallTimeoutError(f"{dependency} did not answer within {limit:g} s")

    def reported_metrics(self) -> Mapping[str, float]:
        """Calls that took too long."""
        return {"timeouts": float(self._timeouts)}

    async def _end(self, dependency: str, task: "asyncio.Future[T]") -> None:
        """Cancel, and wait until it has cleaned up; not for ever."""
        task.cancel()
        ended, late = await asyncio.wait([task], timeout=self._settings.cleanup_seconds)
        for done in ended:
            if not done.cancelled() and (error := done.exception()) is not None:
                log.warning("a call that was cancelled failed", dependency=dependency, error=safe_text(error))
        for left in late:
            self._left.add(left)
            left.add_done_callback(self._left.discard)
            log.error("a call does not end when it is cancelled", dependency=dependency)
