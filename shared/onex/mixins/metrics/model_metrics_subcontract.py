"""Configuration of metrics."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class EnumMetricsBackend(StrEnum):
    """Who gets the metrics."""

    PROMETHEUS = "prometheus"
    """Reads them where the agent's own are: ``/metrics`` of its health port."""
    OPENTELEMETRY = "opentelemetry"
    """A collector on this machine, OTLP over HTTP."""
    STATSD = "statsd"
    """A StatsD server on this machine, with DogStatsD tags."""


class ModelMetricsSubcontract(Subcontract):
    """What is counted, and for whom. The agent's own metrics are not touched by it. Source: seed 002."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    metrics_backend: EnumMetricsBackend = EnumMetricsBackend.PROMETHEUS
    """Who gets them."""
    enable_histograms: bool = True
    """False: ``histogram`` does nothing."""
    enable_counters: bool = True
    """False: ``increment`` does nothing."""
    enable_gauges: bool = True
    """False: ``gauge`` does nothing."""
    enable_timers: bool = True
    """False: ``timer`` measures nothing."""
    metrics_prefix: str = Field(default="onex", pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")
    """First part of every name."""
    metrics_port: int = Field(default=9090, ge=1024, le=65_535)
    """Where the collector or the StatsD server listens on this machine. Prometheus asks the agent's own port."""
    enable_detailed_metrics: bool = False
    """Keep labels, and measure batches of pure nodes; else labels are left out."""
    aggregation_interval_ms: int = Field(default=60_000, ge=1_000, le=300_000)
    """How often they are sent to a collector or StatsD. Prometheus asks when it likes."""
    max_label_cardinality: int = Field(default=1_000, ge=1, le=100_000)
    """Sets of labels of one name; what comes after is counted under the label value ``other``."""
