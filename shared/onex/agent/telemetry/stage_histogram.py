"""Latency by stage: a Prometheus histogram that is cheap to observe, because an effect observes each message."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_LABELS = (*map(str, _BOUNDS), "+Inf")


class EnumLatencyStage(StrEnum):
    """Stages of a message. Pure kinds observe once a batch; effects once a message, and ``settle`` once a commit."""

    QUEUE = "queue"
    """From the timestamp of the record until it is taken; of a batch, that of its first record."""
    PROCESS = "process"
    """Decoding, handler and producing; of an effect, the handler with its further attempts."""
    SETTLE = "settle"
    """Committing outputs and offsets; OpenTelemetry's name of that operation."""


class Seconds:
    """The observations of one stage. One thread observes; any thread may read."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * len(_LABELS)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Add one observation."""
        self.counts[bisect_left(_BOUNDS, seconds)] += 1
        self.total += seconds


class StageHistogram(Collector):
    """``onex_stage_seconds`` of one node. The histogram of prometheus_client takes a lock at every observation."""

    def __init__(self, node: str) -> None:
        self._node = node
        self.of: Mapping[EnumLatencyStage, Seconds] = {stage: Seconds() for stage in EnumLatencyStage}

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """Return one family. Its buckets are cumulative."""
        family = HistogramMetricFamily("onex_stage_seconds", "Latency by stage", labels=("node", "stage"))
        for stage, seconds in self.of.items():
            buckets = [
                (label, float(count)) for label, count in zip(_LABELS, accumulate(seconds.counts), strict=True)
            ]
            family.add_metric((self._node, stage), buckets, seconds.total)
        yield family
