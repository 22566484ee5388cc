"""Complaints in health about partitions that read no more because one offset has no outcome."""

import structlog

from onex.agent.effect.offsets import MAX_SPAN, OffsetTracker
from onex.agent.telemetry.health import Health
from onex.bus.protocols import Partition

log = structlog.get_logger(__name__)


class SpanComplaints:
    """The complaints of one instance."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._about: set[str] = set()

    def report(self, partition: Partition, tracker: OffsetTracker) -> None:
        """Complain about the partition, or clear the complaint, by the span of its tracker."""
        about = _about(partition)
        if tracker.span >= MAX_SPAN:
            self._about.add(about)
            waiting = f"{MAX_SPAN} offsets from there on are read"
            reason = f"blocked at offset {tracker.watermark}: it has no outcome, and {waiting}"
            if self._health.complain(about, reason):
                log.error("partition blocked", about=about, reason=reason)
        elif about in self._about:
            self._about.discard(about)
            self._health.clear(about)

    def clear(self, partition: Partition) -> None:
        """Clear the complaint about a partition that is not assigned any more."""
        self._about.discard(_about(partition))
        self._health.clear(_about(partition))


def _about(partition: Partition) -> str:
    return f"span {partition.topic}[{partition.partition}]"
