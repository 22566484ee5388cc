"""Latency by stage: a Prometheus histogram that is cheap to observe, because an effect observes each message."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from onex.util.latency import LATENCY_BOUNDS

_LABELS = (*map(str, LATENCY_BOUNDS), "+Inf")


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
        self.counts[bisect_left(LATENCY_BOUNDS, seconds)] += 1
        self.total += seconds


class StageHistogram(Collector):
    """``onex_stage_seconds`` of one node. The histogram of prometheus_client takes a lock at every observation."""

    def __init__(self, node: str) -> None:
        self._node = node
        self.of: Mapping[EnumLatencyStage, Seconds] = {stage: Seconds() for stage in EnumLatencyStage}

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """Return one family. Its buckets are cumulative."""
        family = self._family()
        for stage, seconds in self.of.items():
            buckets = [
                (label, float(count)) for label, count in zip(_LABELS, accumulate(seconds.counts), strict=True)
            ]
            family.add_metric((self._node, stage), buckets, seconds.total)
        yield family

    def describe(self) -> Iterable[HistogramMetricFamily]:
        """Return the family without series, by which a registry knows who collects it."""
        yield self._family()

    def _family(self) -> HistogramMetricFamily:
        return HistogramMetricFamily("onex_stage_seconds", "Latency by stage", labels=("node", "stage"))
