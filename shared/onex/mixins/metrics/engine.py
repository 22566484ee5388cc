"""Passes measurements to a backend."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from typing_extensions import override

from onex.capability import BatchFacts
from onex.errors import NodeUseError
from onex.mixins.metrics.backend import Labels, ProtocolMetricsBackend
from onex.mixins.metrics.declared import METRIC_NAME, EnumMetricType
from onex.mixins.metrics.model_metrics_subcontract import ModelMetricsSubcontract
from onex.mixins.metrics.objectives import ObjectiveMonitor
from onex.mixins.metrics.protocol_metrics import ObjectiveFacts, ProtocolMetrics
from onex.model.enums import EnumNodeKind
from onex.util.clock import ProtocolClock

_NAME = re.compile(METRIC_NAME)
_OF_BATCHES = frozenset({"batch_messages", "batch_seconds"})
_NONE: Labels = {}
_COUNTER, _GAUGE, _HISTOGRAM = EnumMetricType.COUNTER, EnumMetricType.GAUGE, EnumMetricType.HISTOGRAM
_MAX_LABEL_CHARACTERS = 128
"""Length of a label's value. Longer values are cut, because values may come from messages."""


class MetricsEngine(ProtocolMetrics):
    """Names, limits and labels of measurements."""

    def __init__(
        self,
        settings: ModelMetricsSubcontract,
        backend: ProtocolMetricsBackend,
        clock: ProtocolClock,
        objectives: ObjectiveMonitor,
        kind: EnumNodeKind = EnumNodeKind.EFFECT,
    ) -> None:
        self._settings = settings
        self._backend = backend
        self._clock = clock
        self._objectives = objectives
        self._kind = kind
        self._declared = {metric.name: metric for metric in settings.metrics}
        self._names: dict[str, str] = {}
        self._seen: dict[str, set[tuple[str, ...]]] = {}

    @override
    def increment(self, metric_name: str, value: float = 1, **labels: str) -> None:
        if self._settings.enable_counters:
            self._backend.count(self._name(metric_name, _COUNTER, labels), value, self._labels(metric_name, labels))

    @override
    def gauge(self, metric_name: str, value: float, **labels: str) -> None:
        if self._settings.enable_gauges:
            self._backend.put(self._name(metric_name, _GAUGE, labels), value, self._labels(metric_name, labels))

    @override
    def histogram(self, metric_name: str, value: float, **labels: str) -> None:
        if self._settings.enable_histograms:
            self._backend.observe(
                self._name(metric_name, _HISTOGRAM, labels), value, self._labels(metric_name, labels)
            )

    @override
    @contextmanager
    def timer(self, metric_name: str, **labels: str) -> Iterator[None]:
        if not self._settings.enable_timers:
            yield
            return
        began = self._clock.monotonic()
        try:
            yield
        finally:
            seconds = self._clock.monotonic() - began
            self._backend.observe(
                self._name(metric_name, _HISTOGRAM, labels), seconds, self._labels(metric_name, labels)
            )

    def observed(self, batch: BatchFacts) -> None:
        """Measure size and duration of a batch, with ``enable_detailed_metrics``."""
        if self._settings.enable_detailed_metrics:
            self.histogram("batch_messages", batch.count)
            self.histogram("batch_seconds", batch.seconds)

    @override
    def objectives(self) -> Sequence[ObjectiveFacts]:
        if self._kind is not EnumNodeKind.EFFECT:
            raise NodeUseError(f"a {self._kind} is pure: its results must not depend on its objectives")
        return self._objectives.facts

    async def open(self) -> None:
        """Open the backend, and start to measure objectives."""
        await self._backend.open()
        self._objectives.open()

    async def close(self) -> None:
        """Close the backend, which sends its last measurements."""
        await self._objectives.close()
        await self._backend.close()

    def reported_metrics(self) -> Mapping[str, float]:
        """Number of names in use, and the figures of objectives."""
        return {"names": float(len(self._names)), **self._objectives.figures()}

    def _name(self, name: str, used: EnumMetricType, labels: Labels) -> str:
        full = self._names.get(name)
        if full is None:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a valid metric name; use lower case, digits and underscores")
            self._check(name, used, labels)
            full = self._names[name] = f"{self._settings.metrics_prefix}_{name}"
        return full

    def _check(self, name: str, used: EnumMetricType, labels: Labels) -> None:
        """Raise ValueError for the first use of a name that does not fit the declarations, when there are any."""
        if not self._declared or name in _OF_BATCHES:
            return
        declared = self._declared.get(name)
        if declared is None:
            raise ValueError(f"{name} is not declared; add it to `metrics` of the subcontract")
        if problem := declared.problem(used, tuple(labels)):
            raise ValueError(problem)

    def _labels(self, name: str, labels: Labels) -> Labels:
        """Return the labels to use: none without ``enable_detailed_metrics``, and a limited number of sets with
        it."""
        if not labels or not self._settings.enable_detailed_metrics:
            return _NONE
        seen = self._seen.setdefault(name, set())
        if any(len(value) > _MAX_LABEL_CHARACTERS for value in labels.values()):
            labels = {label: value[:_MAX_LABEL_CHARACTERS] for label, value in labels.items()}
        values = tuple(labels.values())
        if values not in seen:
            if len(seen) >= self._settings.max_label_cardinality:
                return dict.fromkeys(labels, "other")
            seen.add(values)
        return labels
