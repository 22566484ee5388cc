"""The steps of an agent's start: each has a name, is logged, is a reason in ``/readyz``, and has a time limit."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from onex.agent.telemetry.health import Health
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
_REASON = "step"


@dataclass(frozen=True, slots=True)
class Step:
    """The current step."""

    name: str
    began: float
    """Monotonic seconds: a wall clock that is set does not change how long a step may take."""


class StartSteps:
    """Has one step at a time, on the thread that starts the agent. Any thread may look."""

    def __init__(self, clock: ProtocolClock, health: Health, limit: float) -> None:
        """``limit``: seconds that each step may take."""
        self._clock = clock
        self._health = health
        self._limit = limit
        self._current: Step | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Surround the work of one step."""
        step = Step(name, self._clock.monotonic())
        self._current = step
        self._health.complain(_REASON, name)
        log.debug("start step begins", step=name)
        completed = False
        try:
            yield
            completed = True
        finally:
            self._current = None
            self._health.clear(_REASON)
            seconds = round(self._clock.monotonic() - step.began, 3)
            log.debug("start step ends", step=name, seconds=seconds, completed=completed)

    def overdue(self) -> tuple[str, float] | None:
        """Return name and seconds of the current step when it exceeds the limit; else None."""
        step = self._current
        if step is None or (seconds := self._clock.monotonic() - step.began) < self._limit:
            return None
        return step.name, seconds
