"""Statistics of an agent process for its heartbeats, and changes of its consumer's health."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import psutil

from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.bus.protocols import Partition
from onex.model.mesh import EnumConsumerEvent

Lags = Callable[[], Mapping[Partition, int]]


@dataclass(frozen=True, slots=True)
class ConsumerEvent:
    """A change of the consumer's health."""

    event: EnumConsumerEvent
    partitions: tuple[str, ...]
    lag: int
    detail: str = ""


class ProcessStats:
    """Measures the process. It remembers what it reported, so that it reports only changes."""

    def __init__(self, health: Health, metrics: AgentMetrics, lags: Lags, lag_threshold: int) -> None:
        self._health = health
        self._metrics = metrics
        self._lags = lags
        self._threshold = lag_threshold
        self._process = psutil.Process()
        self._process.cpu_percent()
        self._started = time.monotonic()
        self._stalled = False
        self._lagging = False

    def measure(self) -> dict[str, object]:
        """Return the measured fields of a heartbeat."""
        reasons = self._health.snapshot()
        lags = self._lags()
        return {
            "ready": not reasons,
            "reasons": {**self._health.degradations(), **reasons},
            "uptime": time.monotonic() - self._started,
            "active_operations": self._metrics.active(),
            "partitions": len(lags),
            "lag": sum(lags.values()),
            "received": self._metrics.total_received(),
            "dead_letters": self._metrics.total_dead(),
            "cpu_percent": self._process.cpu_percent(),
            "memory_bytes": self._process.memory_info().rss,
        }

    def changes(self) -> Iterator[ConsumerEvent]:
        """Yield the changes since the last call: rebalances, stalls, lag."""
        lags = self._lags()
        total = sum(lags.values())
        for event, partitions in self._metrics.take_rebalances():
            yield ConsumerEvent(event, tuple(_name(p) for p in sorted(partitions)), total)
        complaint = self._health.snapshot().get("progress", "")
        if bool(complaint) is not self._stalled:
            self._stalled = bool(complaint)
            event = EnumConsumerEvent.STALLED if complaint else EnumConsumerEvent.PROGRESSING
            yield ConsumerEvent(event, tuple(_name(p) for p, lag in sorted(lags.items()) if lag), total, complaint)
        if total >= self._threshold and not self._lagging:
            self._lagging = True
            behind = tuple(_name(p) for p, lag in sorted(lags.items()) if lag)
            yield ConsumerEvent(EnumConsumerEvent.LAGGING, behind, total, f"{total} offsets behind")
        elif total <= self._threshold // 2 and self._lagging:
            self._lagging = False
            yield ConsumerEvent(EnumConsumerEvent.CAUGHT_UP, (), total)


def _name(partition: Partition) -> str:
    return f"{partition.topic}[{partition.partition}]"
