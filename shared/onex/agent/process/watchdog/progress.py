"""Since when do partitions with lag stand still?"""

from collections.abc import Mapping

from onex.bus.protocols import Partition


class ProgressWatch:
    """Since when does a partition with lag stand still? Pure; time comes in."""

    def __init__(self) -> None:
        self._seen: dict[Partition, tuple[int, float]] = {}

    def stalled_for(
        self, progress: Mapping[Partition, int], lags: Mapping[Partition, int], now: float
    ) -> dict[Partition, float]:
        """Seconds without progress per partition that has lag."""
        current: dict[Partition, tuple[int, float]] = {}
        for partition, lag in lags.items():
            mark = progress.get(partition, -1)
            before = self._seen.get(partition)
            since = before[1] if before and before[0] == mark and lag > 0 else now
            current[partition] = (mark, since)
        self._seen = current
        return {partition: now - since for partition, (_, since) in current.items() if now > since}
