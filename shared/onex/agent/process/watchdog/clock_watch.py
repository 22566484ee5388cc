"""Compares agent time with the machine's clock once a second, and reports steps."""

from collections.abc import Callable
from threading import Event, Thread

import structlog

from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.util.steady_clock import SteadyClock

log = structlog.get_logger(__name__)
_LOOK_EVERY = 1.0
_STEP = 1.0
"""Seconds; smaller differences are not reported."""
_BACK = 5.0
"""Seconds. A smaller step back only makes waits of the Kafka library a little longer."""
_ABOUT = "clock"


class ClockWatch:
    """Compares once a second, on its own thread, until it is stopped (decision 39)."""

    def __init__(
        self, clock: SteadyClock, health: Health, metrics: AgentMetrics, set_back: Callable[[], None]
    ) -> None:
        """``set_back`` is called after a step back of five seconds or more."""
        self._clock = clock
        self._health = health
        self._metrics = metrics
        self._set_back = set_back
        self._before = 0.0
        self._ended = Event()

    def start(self) -> None:
        """Start the thread."""
        Thread(target=self._run, name="clock-watch", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(_LOOK_EVERY):
            self.look()

    def look(self) -> None:
        """Follow the machine's clock. Log a step, and report how much of a step forward is left."""
        beyond = self._clock.look()
        stepped, self._before = beyond - self._before, beyond
        if abs(stepped) > _STEP:
            log.warning("the clock of this machine was stepped", seconds=round(stepped, 3))
        if stepped <= -_BACK:
            self._set_back()
        ahead = max(0.0, beyond)
        self._metrics.clock_ahead.set(ahead)
        if ahead <= _STEP:
            self._health.clear(_ABOUT)
        elif abs(stepped) > _STEP or not self._health.complains(_ABOUT):
            self._health.complain(
                _ABOUT,
                f"the clock of this machine was stepped forward, and agent time is {ahead:.0f} s behind it: timers "
                "and retries fire by agent time, which catches up by 36 s an hour; if the clock is right now (`onex "
                "doctor` compares it with the broker's), restart the agent",
            )
