"""``advanced_features.observability``."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, JsonValue

from onex.model.contract.base import ContractPart


class ModelTracingFeature(ContractPart):
    """Composes ``MixinTracing``."""

    enabled: bool = True
    """False leaves it out."""
    exporter: Literal["otlp"] = "otlp"
    """The only exporter."""
    endpoint: str = ""
    """Collector, when ``OTEL_EXPORTER_OTLP_ENDPOINT`` is not set."""
    sample_rate: float = Field(default=1.0, ge=0, le=1)
    """Share of traces in which the node adds its own spans."""


class ModelMetricsFeature(ContractPart):
    """Composes ``MixinMetrics``."""

    enabled: bool = True
    """False leaves it out."""
    export_interval_seconds: float = Field(default=60.0, ge=1, le=300)
    """Interval of exports to backends that do not scrape."""


class ModelLoggingFeature(ContractPart):
    """Composes ``MixinLogging``."""

    structured: bool = True
    """Log fields as ``key=value``. False: plain lines."""
    json_format: bool = True
    """One JSON object per line, instead of both."""
    correlation_tracking: bool = True
    """Every line has the ids of the current message."""

    @property
    def form(self) -> str:
        """Name of the format in the capability's configuration."""
        if self.json_format:
            return "json"
        return "structured" if self.structured else "text"


class ModelObservability(ContractPart):
    """Traces, metrics and logs of a node."""

    tracing: ModelTracingFeature | None = None
    """Spans that the node makes."""
    metrics: ModelMetricsFeature | None = None
    """Metrics that the node counts."""
    logging: ModelLoggingFeature | None = None
    """Lines that the node logs."""

    def asked(self) -> Iterator[tuple[str, dict[str, JsonValue]]]:
        """Yield class names of mixins with their configuration."""
        if self.tracing is not None and self.tracing.enabled:
            yield "MixinTracing", {"sample_share": self.tracing.sample_rate}
        if self.metrics is not None and self.metrics.enabled:
            interval = round(self.metrics.export_interval_seconds * 1000)
            yield "MixinMetrics", {"aggregation_interval_ms": interval}
        if self.logging is not None:
            tracking = self.logging.correlation_tracking
            yield "MixinLogging", {"log_format": self.logging.form, "enable_correlation_tracking": tracking}
