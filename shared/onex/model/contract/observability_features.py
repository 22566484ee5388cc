"""``advanced_features.observability``. Source: seed 003."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, JsonValue

from onex.model.contract.base import ContractPart


class ModelTracingFeature(ContractPart):
    """Composes ``MixinTracing``."""

    enabled: bool = True
    """False leaves it out."""
    exporter: Literal["otlp"] = "otlp"
    """The only one there is."""
    endpoint: str = ""
    """Collector of the agent where ``OTEL_EXPORTER_OTLP_ENDPOINT`` is not set."""
    sample_rate: float = Field(default=1.0, ge=0, le=1)
    """Share of traces in which the node makes spans of its own."""


class ModelMetricsFeature(ContractPart):
    """Composes ``MixinMetrics``."""

    enabled: bool = True
    """False leaves it out."""
    export_interval_seconds: float = Field(default=60.0, ge=1, le=300)
    """How often they are sent to those who do not ask."""


class ModelLoggingFeature(ContractPart):
    """Composes ``MixinLogging``."""

    structured: bool = True
    """Facts as ``key=value``; else lines for people."""
    json_format: bool = True
    """One JSON object a line, in place of both."""
    correlation_tracking: bool = True
    """Ids of the message in hand stand in every line."""

    @property
    def form(self) -> str:
        """As the capability names it."""
        if self.json_format:
            return "json"
        return "structured" if self.structured else "text"


class ModelObservability(ContractPart):
    """What of the node is seen from outside."""

    tracing: ModelTracingFeature | None = None
    """Spans of the node itself."""
    metrics: ModelMetricsFeature | None = None
    """Counts of the node itself."""
    logging: ModelLoggingFeature | None = None
    """Lines of the node itself."""

    def asked(self) -> Iterator[tuple[str, dict[str, JsonValue]]]:
        """Class names of mixins, with their configuration."""
        if self.tracing is not None and self.tracing.enabled:
            yield "MixinTracing", {"sample_share": self.tracing.sample_rate}
        if self.metrics is not None and self.metrics.enabled:
            interval = round(self.metrics.export_interval_seconds * 1000)
            yield "MixinMetrics", {"aggregation_interval_ms": interval}
        if self.logging is not None:
            tracking = self.logging.correlation_tracking
            yield "MixinLogging", {"log_format": self.logging.form, "enable_correlation_tracking": tracking}
