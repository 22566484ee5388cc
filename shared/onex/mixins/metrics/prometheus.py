"""Metrics in the registry that Prometheus reads."""

from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from onex.mixins.metrics.backend import Labels

M = TypeVar("M", Counter, Gauge, Histogram)


class PrometheusBackend:
    """Every metric carries the label ``node``. The first use of a name says which other labels it has."""

    def __init__(self, registry: CollectorRegistry, node: str) -> None:
        self._registry = registry
        self._node = node
        self._made: dict[str, MetricWrapperBase] = {}

    def count(self, name: str, value: float, labels: Labels) -> None:
        """See the protocol."""
        self._metric(Counter, name, labels).labels(self._node, *labels.values()).inc(value)

    def put(self, name: str, value: float, labels: Labels) -> None:
        """See the protocol."""
        self._metric(Gauge, name, labels).labels(self._node, *labels.values()).set(value)

    def observe(self, name: str, value: float, labels: Labels) -> None:
        """See the protocol."""
        self._metric(Histogram, name, labels).labels(self._node, *labels.values()).observe(value)

    def _metric(self, kind: type[M], name: str, labels: Labels) -> M:
        found = self._made.get(name)
        names = ("node", *labels)
        if found is None:
            found = self._made[name] = kind(name, name.replace("_", " "), names, registry=self._registry)
        if not isinstance(found, kind) or found._labelnames != names:
            raise ValueError(f"{name} is a {type(found).__name__.lower()} with labels {', '.join(found._labelnames)}")
        return found

    async def open(self) -> None:
        """Nothing to do: Prometheus asks."""

    async def close(self) -> None:
        """Take the metrics out of the registry, so that a restarted agent can put them in again."""
        for metric in self._made.values():
            self._registry.unregister(metric)
        self._made.clear()
