"""Watch whether every partition that has lag moves: liveness is judged by progress, not by a thread that runs."""

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
    """An engine or a runner that the watchdog watches. Its methods are called on the watchdog's thread."""

    def lag(self) -> Mapping[Partition, int]:
        """Return the number of offsets left per assigned partition, as the client knows it."""
        ...

    def positions(self) -> Mapping[Partition, int]:
        """Return the next offset to read per assigned partition."""
        ...

    def progress(self) -> Mapping[Partition, int]:
        """Return a number per assigned partition that grows with each record that is done."""
        ...

    def waiting_partitions(self) -> Collection[Partition]:
        """Return the partitions of which no progress is expected now."""
        ...

    def restoring(self) -> Mapping[Partition, Restored]:
        """Return the partitions whose state is not complete yet, as of a moment ago."""
        ...


class Watchdog:
    """Watches progress once a second, on its own thread.

    After ``limit`` seconds without progress the agent is unready, after twice that time it replaces its clients, and
    after three times that time the process ends.
    """

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
        """``bus`` returns the bus in use, None while there is none. ``group`` is the consumer group of the agent."""
        self._limit = limit
        self._clock = clock
        self._health = health
        self._metrics = metrics
        self._restart = restart
        self._bus = bus
        self._group = group
        self._probed = 0.0
        self._progress = ProgressWatch()
        self._broker_lag = BrokerLag(limit / 4)
        self._watched: Watched | None = None
        self._restarted = False
        self._lags: set[Partition] = set()
        self._last_lags: Mapping[Partition, int] = {}
        self._ended = Event()
        Thread(target=self._run, name="watchdog", daemon=True).start()

    def lags(self) -> Mapping[Partition, int]:
        """Return the lag of the assigned partitions, as of the last look."""
        return self._last_lags

    def look_at(self, watched: Watched | None) -> None:
        """Watch this from now on; None while the agent has no clients."""
        self._watched = watched
        self._progress = ProgressWatch()
        self._broker_lag = BrokerLag(self._limit / 4)
        if watched is None:
            self._last_lags = {}

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(1.0):
            self.look()

    def look(self) -> None:
        """Query the brokers and the agent once, then judge."""
        self._metrics.ready.set(self._health.ready)
        self._probe_bus()
        watched = self._watched
        if watched is None:
            return
        try:
            lags, progress, waiting = self._lag_of(watched), watched.progress(), watched.waiting_partitions()
            restoring = watched.restoring()
        except Exception as error:  # noqa: BLE001 - another thread may be closing the clients
            log.debug("watchdog could not look", error=str(error))
            return
        self._report(lags)
        moving = {partition: 0 if partition in waiting else lag for partition, lag in lags.items()}
        marks = {**progress, **{partition: at.reached for partition, at in restoring.items()}}
        moving |= {partition: max(1, at.left) for partition, at in restoring.items()}
        self.judge(self._progress.stalled_for(marks, moving, self._clock.monotonic()))

    def _probe_bus(self) -> None:
        """Probe the brokers every few seconds: an idle agent would not notice otherwise that they are away."""
        now = self._clock.monotonic()
        if now - self._probed < _PROBE_EVERY:
            return
        self._probed = now
        bus = self._bus()
        health = None if bus is None else bus.health()
        if health is None or health.ok:
            self._health.clear("bus")
        elif self._health.complain("bus", health.detail):
            log.warning("no broker answers", detail=health.detail)

    def _lag_of(self, watched: Watched) -> Mapping[Partition, int]:
        """Return the lag that the client knows, corrected by the brokers while they answer."""
        lags, bus = watched.lag(), self._bus()
        if bus is None or self._health.complains("bus"):
            return lags
        read_spans = partial(spans_of, bus.admin, self._group)
        return self._broker_lag.corrected(lags, watched.positions(), self._clock.monotonic(), read_spans)

    def _report(self, lags: Mapping[Partition, int]) -> None:
        for partition, lag in lags.items():
            self._metrics.lag(partition.topic, partition.partition, lag)
        self._metrics.forget_lag(self._lags - set(lags))
        self._lags = set(lags)
        self._last_lags = lags

    def judge(self, stalled: Mapping[Partition, float]) -> None:
        """Act on the seconds for which partitions with lag have made no progress."""
        worst = max(stalled.values(), default=0.0)
        if worst < self._limit:
            self._restarted = False
            self._health.clear("progress")
            return
        names = ", ".join(f"{p.topic}[{p.partition}]" for p, s in stalled.items() if s >= self._limit)
        if self._health.complain("progress", f"lag but no progress: {names}"):
            log.error("stalled", partitions=names, seconds=round(worst))
        if worst >= 3 * self._limit:
            log.critical("no progress, ending the process", seconds=round(worst))
            os._exit(EXIT_STALLED)
        if worst >= 2 * self._limit and not self._restarted:
            self._restarted = True
            log.error("replacing the clients of the bus", seconds=round(worst))
            self._restart()
