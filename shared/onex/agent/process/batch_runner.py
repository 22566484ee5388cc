"""Runs a pure engine. On the main thread a timer signal interrupts a handler that takes too long."""

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from onex.agent.pure.engine import PureEngine
from onex.errors import HandlerTimeoutError
from onex.model.enums import EnumStage

_POLL = 0.1
_TICK = 0.5


class HangGuard:
    """Checks every half second whether the same record has been in its handler for longer than ``limit`` seconds.

    An exception from the signal handler interrupts Python code. It does not interrupt a call into C that never
    returns: :class:`HangAlarm` ends the process then, and also for any handler on a thread that is not the main one.
    """

    def __init__(self, engine: PureEngine, limit: float) -> None:
        self._engine = engine
        self._limit = limit
        self._interrupts = threading.current_thread() is threading.main_thread()
        self._record = -1
        self._since = 0.0

    def __enter__(self) -> "HangGuard":
        if self._interrupts:
            signal.signal(signal.SIGALRM, self._look)
            signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)
        return self

    def __exit__(self, *_: object) -> None:
        if self._interrupts:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _look(self, _: int, __: FrameType | None) -> None:
        now = time.monotonic()
        if self._engine.stage is not EnumStage.HANDLER or self._engine.carried != self._record:
            self._record, self._since = self._engine.carried, now
        elif now - self._since >= self._limit:
            self._since = now
            raise HandlerTimeoutError(f"handler took longer than {self._limit:g} s")


def run_pure(engine: PureEngine, timeout: float, is_stopping: Callable[[], bool]) -> None:
    """Carry batches with an open engine until ``is_stopping``, then close it. ``timeout``: seconds of a handler call.

    Raises BusError when the clients must be replaced.
    """
    try:
        with HangGuard(engine, timeout):
            while not is_stopping():
                engine.step(_POLL)
    finally:
        engine.close()
