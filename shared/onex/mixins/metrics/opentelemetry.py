"""Metrics for an OpenTelemetry collector on this machine."""

import asyncio

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Counter, Histogram, Meter, _Gauge
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from typing_extensions import override

from onex.capability import NodeIdentity
from onex.mixins.metrics.backend import Labels, ProtocolMetricsBackend


class OpenTelemetryBackend(ProtocolMetricsBackend):
    """Sends by OTLP over HTTP, at intervals and when it is closed."""

    def __init__(self, identity: NodeIdentity, port: int, interval_ms: int) -> None:
        self._identity = identity
        self._endpoint = f"http://127.0.0.1:{port}/v1/metrics"
        self._interval_ms = interval_ms
        self._provider: MeterProvider | None = None
        self._instruments: dict[str, Counter | Histogram | _Gauge] = {}

    @override
    def count(self, name: str, value: float, labels: Labels) -> None:
        made = self._instruments.get(name) or self._instruments.setdefault(name, self._meter.create_counter(name))
        if not isinstance(made, Counter):
            raise ValueError(f"{name} is not a counter")
        made.add(value, dict(labels))

    @override
    def put(self, name: str, value: float, labels: Labels) -> None:
        made = self._instruments.get(name) or self._instruments.setdefault(name, self._meter.create_gauge(name))
        if not isinstance(made, _Gauge):
            raise ValueError(f"{name} is not a gauge")
        made.set(value, dict(labels))

    @override
    def observe(self, name: str, value: float, labels: Labels) -> None:
        made = self._instruments.get(name) or self._instruments.setdefault(name, self._meter.create_histogram(name))
        if not isinstance(made, Histogram):
            raise ValueError(f"{name} is not a histogram")
        made.record(value, dict(labels))

    @property
    def _meter(self) -> Meter:
        if self._provider is None:
            node = self._identity
            resource = Resource.create(
                {"service.name": node.name, "service.version": node.version, "service.instance.id": node.instance}
            )
            reader = PeriodicExportingMetricReader(OTLPMetricExporter(self._endpoint), self._interval_ms)
            self._provider = MeterProvider([reader], resource, shutdown_on_exit=False)
        return self._provider.get_meter("onex")

    @override
    async def open(self) -> None:
        """Do nothing: the first measurement starts the provider."""

    @override
    async def close(self) -> None:
        provider, self._provider = self._provider, None
        self._instruments.clear()
        if provider is not None:
            await asyncio.to_thread(provider.shutdown)
