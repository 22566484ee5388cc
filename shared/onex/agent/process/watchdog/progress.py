"""How long partitions with lag have made no progress."""

from collections.abc import Mapping

from onex.bus.protocols import Partition


class ProgressWatch:
    """Remembers when each partition last made progress. It reads no clock."""

    def __init__(self) -> None:
        self._seen: dict[Partition, tuple[int, float]] = {}

    def stalled_for(
        self, progress: Mapping[Partition, int], lags: Mapping[Partition, int], now: float
    ) -> dict[Partition, float]:
        """Return the seconds without progress, for partitions with lag. ``now`` is in monotonic seconds."""
        current: dict[Partition, tuple[int, float]] = {}
        for partition, lag in lags.items():
            mark = progress.get(partition, -1)
            before = self._seen.get(partition)
            since = before[1] if before and before[0] == mark and lag > 0 else now
            current[partition] = (mark, since)
        self._seen = current
        return {partition: now - since for partition, (_, since) in current.items() if now > since}
