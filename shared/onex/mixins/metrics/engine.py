"""Measurements on their way to a backend."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from onex.capability import BatchFacts
from onex.mixins.metrics.backend import Labels, ProtocolMetricsBackend
from onex.mixins.metrics.model_metrics_subcontract import ModelMetricsSubcontract
from onex.util.clock import ProtocolClock

_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_NONE: Labels = {}
_LONGEST_LABEL = 128
"""Characters of a label's value; the rest is cut off, because values may come out of messages."""


class MetricsEngine:
    """See :class:`ProtocolMetrics`."""

    def __init__(
        self, settings: ModelMetricsSubcontract, backend: ProtocolMetricsBackend, clock: ProtocolClock
    ) -> None:
        self._settings = settings
        self._backend = backend
        self._clock = clock
        self._names: dict[str, str] = {}
        self._seen: dict[str, set[tuple[str, ...]]] = {}

    def increment(self, metric_name: str, /, value: float = 1, **labels: str) -> None:
        """See the protocol."""
        if self._settings.enable_counters:
            self._backend.count(self._name(metric_name), value, self._labels(metric_name, labels))

    def gauge(self, metric_name: str, /, value: float, **labels: str) -> None:
        """See the protocol."""
        if self._settings.enable_gauges:
            self._backend.put(self._name(metric_name), value, self._labels(metric_name, labels))

    def histogram(self, metric_name: str, /, value: float, **labels: str) -> None:
        """See the protocol."""
        if self._settings.enable_histograms:
            self._backend.observe(self._name(metric_name), value, self._labels(metric_name, labels))

    @contextmanager
    def timer(self, metric_name: str, /, **labels: str) -> Iterator[None]:
        """See the protocol."""
        if not self._settings.enable_timers:
            yield
            return
        began = self._clock.monotonic()
        try:
            yield
        finally:
            took = self._clock.monotonic() - began
            self._backend.observe(self._name(metric_name), took, self._labels(metric_name, labels))

    def observed(self, batch: BatchFacts) -> None:
        """How large batches are and how long they take, with detailed metrics."""
        if self._settings.enable_detailed_metrics:
            self.histogram("batch_messages", batch.count)
            self.histogram("batch_seconds", batch.seconds)

    async def open(self) -> None:
        """Begin to send, where metrics are sent."""
        await self._backend.open()

    async def close(self) -> None:
        """Send what is left."""
        await self._backend.close()

    def reported_metrics(self) -> Mapping[str, float]:
        """How many names are in use."""
        return {"names": float(len(self._names))}

    def _name(self, name: str) -> str:
        full = self._names.get(name)
        if full is None:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a metric: lower case, digits and underscores")
            full = self._names[name] = f"{self._settings.metrics_prefix}_{name}"
        return full

    def _labels(self, name: str, labels: Labels) -> Labels:
        """What is kept of the labels: nothing but with detailed metrics, and not without end."""
        if not labels or not self._settings.enable_detailed_metrics:
            return _NONE
        seen = self._seen.setdefault(name, set())
        if any(len(value) > _LONGEST_LABEL for value in labels.values()):
            labels = {label: value[:_LONGEST_LABEL] for label, value in labels.items()}
        values = tuple(labels.values())
        if values not in seen:
            if len(seen) >= self._settings.max_label_cardinality:
                return dict.fromkeys(labels, "other")
            seen.add(values)
        return labels
