"""Runs a pure agent on the main thread; a timer signal gets a hanging handler out of its loop."""

import signal
import time
from collections.abc import Callable
from types import FrameType

from onex.agent.pure.engine import PureEngine
from onex.errors import HandlerTimeoutError
from onex.model.enums import EnumStage

_POLL = 0.1
_TICK = 0.5


class HangGuard:
    """Every half second: is the same record still in its handler, for longer than allowed?

    Raising from the signal handler interrupts Python code, not a call into C that never returns;
    for that there is the watchdog of the process.
    """

    def __init__(self, agent: PureEngine, limit: float) -> None:
        self._agent = agent
        self._limit = limit
        self._record = -1
        self._since = 0.0

    def __enter__(self) -> "HangGuard":
        signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _look(self, _: int, __: FrameType | None) -> None:
        now = time.monotonic()
        if self._agent.stage is not EnumStage.HANDLER or self._agent.carried != self._record:
            self._record, self._since = self._agent.carried, now
        elif now - self._since >= self._limit:
            self._since = now
            raise HandlerTimeoutError(f"handler took longer than {self._limit:g} s")


def run_pure(agent: PureEngine, timeout: float, stopping: Callable[[], bool]) -> None:
    """Carry batches with an agent that is open until ``stopping``, then close it.

    Raises BusError when clients must be made anew.
    """
    try:
        with HangGuard(agent, timeout):
            while not stopping():
                agent.step(_POLL)
    finally:
        agent.close()
