"""Finds the handler that blocks the event loop of an effect: it delays all others, and asyncio reports nothing.

A thread schedules a callback on the loop twenty times a second. While the callback does not run, the thread looks at
the stack of the loop's thread: the handler whose frame stays there is the one that blocks. It costs nothing per
message.
"""

import linecache
import sys
from asyncio import AbstractEventLoop
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread, get_ident
from types import FrameType
from typing import Self

import structlog

from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
PERIOD = 0.05
LIMIT = 0.25
"""Seconds after which a call is reported."""
UNREADY = 5.0
"""Seconds after which the agent is unready while the call lasts."""
_LOG_EVERY = 60.0
_MOST_HANDLERS = 64
_ENGINE = "onex.agent."
_CALLS_HANDLERS = "onex.agent.effect.outcome_builder"


@dataclass(slots=True)
class _BlockingCall:
    """A frame that is on the loop's stack at every look."""

    frame: FrameType
    since: float
    line: str = ""


class LoopWatch:
    """A context manager, entered on the loop's thread."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        node: str,
        folder: Path,
        clock: ProtocolClock,
        health: Health,
        metrics: AgentMetrics,
    ) -> None:
        """``folder`` holds the node's code."""
        self._loop = loop
        self._node = node
        self._folder = folder
        self._clock = clock
        self._health = health
        self._metrics = metrics
        self._thread = get_ident()
        self._alive_at = self._looked = clock.monotonic()
        self._alive = True
        self._call: _BlockingCall | None = None
        self._logged: dict[str, tuple[float, int]] = {}
        """By handler: when it was logged last, and how many calls were not logged since."""
        self._ended = Event()

    def __enter__(self) -> Self:
        Thread(target=self._run, name="loop-watch", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._health.clear("loop")

    def _run(self) -> None:
        while not self._ended.wait(PERIOD):
            try:
                self.look()
            except RuntimeError:  # the loop is closed
                return

    def _beat(self) -> None:
        self._alive_at = self._clock.monotonic()
        self._alive = True

    def look(self) -> None:
        """Look once; call it once a period. Raises RuntimeError when the loop is closed."""
        # A call into C that keeps the interpreter's lock stops this thread, too. Such a call began when this look was
        # due.
        due, self._looked = self._looked + PERIOD, self._clock.monotonic()
        if self._alive:
            self._report_ended(self._alive_at)
            self._alive = False
            self._loop.call_soon_threadsafe(self._beat)
            return
        frames = list(_frames(sys._current_frames().get(self._thread)))
        frame = self._blocking_frame(frames)
        if frame is None or (self._call is not None and self._call.frame is not frame):
            self._report_ended(self._looked)
        if frame is None:
            return
        if self._call is None:
            self._call = _BlockingCall(frame, min(due, self._looked))
        seconds = self._looked - self._call.since
        if seconds >= LIMIT and not self._call.line:
            self._call.line = self._line_of(frames)
        if seconds >= UNREADY:
            reason = f"{self._handler()} blocks the event loop at {self._call.line}"
            if self._health.complain("loop", reason):
                self._log(seconds, "a handler blocks the event loop and has not returned")

    def _report_ended(self, now: float) -> None:
        """Report the call that has ended: its frame has left the stack, or the loop has turned."""
        call = self._call
        if call is not None and call.line:
            seconds = now - call.since
            self._metrics.loop_blocked.inc()
            self._metrics.loop_blocked_seconds.inc(max(0.0, seconds))
            self._log(seconds, "a handler blocked the event loop; make the call in a thread (asyncio.to_thread)")
            self._health.clear("loop")
        self._call = None

    def _log(self, seconds: float, event: str) -> None:
        """Write at most one line a minute for each handler."""
        assert self._call is not None
        handler, now = self._handler(), self._clock.monotonic()
        at, not_logged = self._logged.get(handler, (float("-inf"), 0))
        if now - at < _LOG_EVERY:
            self._logged[handler] = at, not_logged + 1
            return
        if len(self._logged) >= _MOST_HANDLERS:
            self._logged.clear()
        self._logged[handler] = now, 0
        where = self._call.line
        log.warning(
            event, node=self._node, handler=handler, seconds=round(seconds, 2), line=where, not_logged=not_logged
        )

    def _handler(self) -> str:
        assert self._call is not None
        return self._call.frame.f_code.co_qualname

    def _blocking_frame(self, frames: list[FrameType]) -> FrameType | None:
        """Return the outermost frame of the node's code, or the frame that the engine called where none is the
        node's."""
        for frame in reversed(frames):
            if self._is_node(frame):
                return frame
        called: FrameType | None = None
        for frame in frames:
            if _module(frame) == _CALLS_HANDLERS:
                return called
            if not _module(frame).startswith(_ENGINE):
                called = frame
        return None

    def _line_of(self, frames: list[FrameType]) -> str:
        """Return the innermost line of the node's code, or the innermost line of all where none is the node's."""
        frame = next(filter(self._is_node, frames), frames[0])
        path, number = frame.f_code.co_filename, frame.f_lineno
        return f"{Path(path).name}:{number}: {linecache.getline(path, number).strip()}"

    def _is_node(self, frame: FrameType) -> bool:
        return Path(frame.f_code.co_filename).is_relative_to(self._folder)


def _frames(innermost: FrameType | None) -> Iterator[FrameType]:
    while innermost is not None:
        yield innermost
        innermost = innermost.f_back


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
