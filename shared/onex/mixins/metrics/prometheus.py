"""Metrics in the registry that Prometheus scrapes."""

from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase
from typing_extensions import override

from onex.mixins.metrics.backend import Labels, ProtocolMetricsBackend

M = TypeVar("M", Counter, Gauge, Histogram)


class PrometheusBackend(ProtocolMetricsBackend):
    """Every metric has the label ``node``. The first use of a name decides about its other labels."""

    def __init__(self, registry: CollectorRegistry, node: str) -> None:
        self._registry = registry
        self._node = node
        self._metrics: dict[str, MetricWrapperBase] = {}

    @override
    def count(self, name: str, value: float, labels: Labels) -> None:
        self._metric(Counter, name, labels).labels(self._node, *labels.values()).inc(value)

    @override
    def put(self, name: str, value: float, labels: Labels) -> None:
        self._metric(Gauge, name, labels).labels(self._node, *labels.values()).set(value)

    @override
    def observe(self, name: str, value: float, labels: Labels) -> None:
        self._metric(Histogram, name, labels).labels(self._node, *labels.values()).observe(value)

    def _metric(self, kind: type[M], name: str, labels: Labels) -> M:
        metric = self._metrics.get(name)
        names = ("node", *labels)
        if metric is None:
            metric = self._metrics[name] = kind(name, name.replace("_", " "), names, registry=self._registry)
        if not isinstance(metric, kind) or metric._labelnames != names:
            described = f"{type(metric).__name__.lower()} with labels {', '.join(metric._labelnames)}"
            raise ValueError(f"{name} is a {described}")
        return metric

    @override
    async def open(self) -> None:
        """Do nothing: Prometheus scrapes the registry."""

    @override
    async def close(self) -> None:
        """Remove the metrics from the registry, so that a restarted agent can register them again."""
        for metric in self._metrics.values():
            self._registry.unregister(metric)
        self._metrics.clear()
