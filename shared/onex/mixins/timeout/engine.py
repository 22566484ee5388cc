"""Limits the time of calls, by dependency."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import structlog
from typing_extensions import override

from onex.capability import ProtocolCurrentMessage
from onex.errors import CallTimeoutError, DeadlineError
from onex.mixins.timeout.model_timeout_subcontract import ModelTimeoutSubcontract
from onex.mixins.timeout.protocol_timeout import ProtocolTimeout
from onex.model.message import Message
from onex.util.clock import ProtocolClock
from onex.util.error_text import safe_text

log = structlog.get_logger(__name__)
T = TypeVar("T")


class TimeoutEngine(ProtocolTimeout):
    """Cancels calls that take too long. Belongs to one event loop."""

    def __init__(
        self, settings: ModelTimeoutSubcontract, current_message: ProtocolCurrentMessage, clock: ProtocolClock
    ) -> None:
        self._settings = settings
        self._current_message = current_message
        self._clock = clock
        self._timeouts = 0
        self._limits = {service.name: service.timeout_seconds for service in settings.services}
        self._left_behind: set[object] = set()
        """Calls that did not end when they were cancelled. The event loop has weak references to tasks only."""

    def check(self, message: Message) -> None:
        """Raise DeadlineError for a message whose deadline has passed."""
        if self._settings.refuse_late and (left := self.left()) is not None and left <= 0:
            raise DeadlineError(f"{type(message).__name__}: its deadline passed {-left:.3g} s ago")

    @override
    def left(self) -> float | None:
        deadline = self._current_message.deadline_ms
        return (deadline - self._clock.now_ms()) / 1000 if deadline else None

    @override
    async def call(self, dependency: str, work: Callable[[], Awaitable[T]]) -> T:
        limit = self._limits.get(dependency, self._settings.timeout_seconds)
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
        raise CallTimeoutError(f"{dependency}: no result within {limit:g} s")

    def reported_metrics(self) -> Mapping[str, float]:
        """Calls that exceeded their limit."""
        return {"timeouts": float(self._timeouts)}

    async def _end(self, dependency: str, task: "asyncio.Future[T]") -> None:
        """Cancel a call and wait up to ``cleanup_seconds`` until it has ended."""
        task.cancel()
        ended, late = await asyncio.wait([task], timeout=self._settings.cleanup_seconds)
        for done in ended:
            if not done.cancelled() and (error := done.exception()) is not None:
                log.warning("a cancelled call failed", dependency=dependency, error=safe_text(error))
        for pending in late:
            self._left_behind.add(pending)
            pending.add_done_callback(self._left_behind.discard)
            log.error("a cancelled call does not end", dependency=dependency)
