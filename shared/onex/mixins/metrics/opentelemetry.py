"""Metrics to an OpenTelemetry collector on this machine."""

import asyncio

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Counter, Histogram, Meter, _Gauge
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from onex.capability import NodeIdentity
from onex.mixins.metrics.backend import Labels


class OpenTelemetryBackend:
    """OTLP over HTTP, every so often and in the end."""

    def __init__(self, identity: NodeIdentity, port: int, interval_ms: int) -> None:
        self._identity = identity
        self._endpoint = f"http://127.0.0.1:{port}/v1/metrics"
        self._interval_ms = interval_ms
        self._provider: MeterProvider | None = None
        self._made: dict[str, Counter | Histogram | _Gauge] = {}

    def count(self, name: str, value: float, labels: Labels) -> None:
        """See the protocol."""
        made = self._made.get(name) or self._made.setdefault(name, self._meter.create_counter(name))
        if not isinstance(made, Counter):
            raise ValueError(f"{name} is no counter")
        made.add(value, dict(labels))

    def put(self, name: str, value: float, labels: Labels) -> None:
        """See the protocol."""
        made = self._made.get(name) or self._made.setdefault(name, self._meter.create_gauge(name))
        if not isinstance(made, _Gauge):
            raise ValueError(f"{name} is no gauge")
        made.set(value, dict(labels))

    def observe(self, name: str, value: float, labels: Labels) -> None:
        """See the protocol."""
        made = self._made.get(name) or self._made.setdefault(name, self._meter.create_histogram(name))
        if not isinstance(made, Histogram):
            raise ValueError(f"{name} is no histogram")
        made.record(value, dict(labels))

    @property
    def _meter(self) -> Meter:
        if self._provider is None:
            who = self._identity
            resource = Resource.create(
                {"service.name": who.name, "service.version": who.version, "service.instance.id": who.instance}
            )
            reader = PeriodicExportingMetricReader(OTLPMetricExporter(self._endpoint), self._interval_ms)
            self._provider = MeterProvider([reader], resource, shutdown_on_exit=False)
        return self._provider.get_meter("onex")

    async def open(self) -> None:
        """Nothing to do: the first measurement starts it."""

    async def close(self) -> None:
        """Send what is left."""
        provider, self._provider = self._provider, None
        self._made.clear()
        if provider is not None:
            await asyncio.to_thread(provider.shutdown)
