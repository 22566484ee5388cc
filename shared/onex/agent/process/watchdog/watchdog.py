"""Is every partition that has lag moving? Honest liveness: judged by progress, not by a beating thread."""

import os
from collections.abc import Callable, Collection, Mapping
from functools import partial
from threading import Event, Thread
from typing import Protocol

import structlog

from onex.agent.process.watchdog.broker_lag import BrokerLag, spans_of
from onex.agent.process.watchdog.call_watch import EXIT_STALLED, Calling
from onex.agent.process.watchdog.progress import ProgressWatch
from onex.agent.state.restored import Restored
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.bus.protocols import Partition, ProtocolEventBus
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
_PROBE_EVERY = 3.0


class Watched(Calling, Protocol):
    """What the watchdog looks at."""

    def lag(self) -> Mapping[Partition, int]: ...
    def positions(self) -> Mapping[Partition, int]: ...
    def progress(self) -> Mapping[Partition, int]: ...
    def held(self) -> Collection[Partition]: ...
    def restoring(self) -> Mapping[Partition, Restored]:
        """Partitions whose state is not complete yet. As of a moment ago; from any thread."""
        ...


class Watchdog:
    """Unready after ``limit`` seconds, clients made anew after twice, the process ended after three times that."""

    def __init__(
        self,
        limit: float,
        clock: ProtocolClock,
        health: Health,
        metrics: AgentMetrics,
        restart: Callable[[], None],
        bus: Callable[[], ProtocolEventBus | None],
        group: str,
    ) -> None:
        """``bus`` gives the one in use, None while there is none to ask; ``group`` is the one that reads."""
        self._limit = limit
        self._clock = clock
        self._health = health
        self._metrics = metrics
        self._restart = restart
        self._bus = bus
        self._group = group
        self._probed = 0.0
        self._watch = ProgressWatch()
        self._ends = BrokerLag(limit / 4)
        self._watched: Watched | None = None
        self._restarted = False
        self._lags: set[Partition] = set()
        self._last_lags: Mapping[Partition, int] = {}
        self._ended = Event()
        Thread(target=self._run, name="watchdog", daemon=True).start()

    def lags(self) -> Mapping[Partition, int]:
        """Lag of the partitions held, as of the last look."""
        return self._last_lags

    def look_at(self, watched: Watched | None) -> None:
        """From now on watch this; None while clients are being made."""
        self._watched = watched
        self._watch = ProgressWatch()
        self._ends = BrokerLag(self._limit / 4)
        if watched is None:
            self._last_lags = {}

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(1.0):
            self.look()

    def look(self) -> None:
        """Ask brokers and the agent, then judge."""
        self._metrics.ready.set(self._health.ready)
        self._ask_bus()
        watched = self._watched
        if watched is None:
            return
        try:
            lags, progress, held = self._lag_of(watched), watched.progress(), watched.held()
            restoring = watched.restoring()
        except Exception as error:  # noqa: BLE001 - clients may be closing under us
            log.debug("watchdog could not look", error=str(error))
            return
        self._report(lags)
        moving = {partition: 0 if partition in held else lag for partition, lag in lags.items()}
        marks = {**progress, **{partition: at.reached for partition, at in restoring.items()}}
        moving |= {partition: max(1, at.left) for partition, at in restoring.items()}
        self.judge(self._watch.stalled_for(marks, moving, self._clock.monotonic()))

    def _ask_bus(self) -> None:
        """Every few seconds: do brokers answer? An idle agent would not notice otherwise."""
        now = self._clock.monotonic()
        if now - self._probed < _PROBE_EVERY:
            return
        self._probed = now
        bus = self._bus()
        found = None if bus is None else bus.health()
        if found is None or found.ok:
            self._health.clear("bus")
        elif self._health.complain("bus", found.detail):
            log.warning("no broker answers", detail=found.detail)

    def _lag_of(self, watched: Watched) -> Mapping[Partition, int]:
        """What the client sees, and, while brokers answer, what they say."""
        lags, bus = watched.lag(), self._bus()
        if bus is None or self._health.complains("bus"):
            return lags
        ask = partial(spans_of, bus.admin, self._group)
        return self._ends.corrected(lags, watched.positions(), self._clock.monotonic(), ask)

    def _report(self, lags: Mapping[Partition, int]) -> None:
        for partition, lag in lags.items():
            self._metrics.lag(partition.topic, partition.partition, lag)
        self._metrics.forget_lag(self._lags - set(lags))
        self._lags = set(lags)
        self._last_lags = lags

    def judge(self, stalled: Mapping[Partition, float]) -> None:
        """Act on the seconds that partitions with lag have stood still."""
        worst = max(stalled.values(), default=0.0)
        if worst < self._limit:
            self._restarted = False
            self._health.clear("progress")
            return
        names = ", ".join(f"{p.topic}[{p.partition}]" for p, s in stalled.items() if s >= self._limit)
        if self._health.complain("progress", f"lag but no progress: {names}"):
            log.error("stalled", partitions=names, seconds=round(worst))
        if worst >= 3 * self._limit:
            log.critical("stalled for good, ending the process", seconds=round(worst))
            os._exit(EXIT_STALLED)
        if worst >= 2 * self._limit and not self._restarted:
            self._restarted = True
            log.error("making clients anew", seconds=round(worst))
            self._restart()
