"""Configuration of metrics."""

from collections.abc import Iterable
from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field, model_validator
from typing_extensions import override

from onex.capability import Subcontract
from onex.capability.config_rules import require_different
from onex.capability.mixin import Misfit
from onex.mixins.metrics.declared import ModelDeclaredMetric
from onex.mixins.metrics.objective import ModelObjective, unfit_objectives
from onex.model.contract.version import ModelSemVer
from onex.model.enums import EnumNodeKind


class EnumMetricsBackend(StrEnum):
    """Backends of metrics."""

    PROMETHEUS = "prometheus"
    """Prometheus scrapes them with the agent's own metrics: ``/metrics`` of its health port."""
    OPENTELEMETRY = "opentelemetry"
    """A collector on this machine, by OTLP over HTTP."""
    STATSD = "statsd"
    """A StatsD server on this machine, with DogStatsD tags."""


class ModelMetricsSubcontract(Subcontract):
    """Measurements and their backend. The agent's own metrics are not affected."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=2, patch=0)

    metrics_backend: EnumMetricsBackend = EnumMetricsBackend.PROMETHEUS
    """The backend."""
    enable_histograms: bool = True
    """With False ``histogram`` does nothing."""
    enable_counters: bool = True
    """With False ``increment`` does nothing."""
    enable_gauges: bool = True
    """With False ``gauge`` does nothing."""
    enable_timers: bool = True
    """With False ``timer`` measures nothing."""
    metrics_prefix: str = Field(default="onex", pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")
    """First part of every name."""
    metrics_port: int = Field(default=9090, ge=1024, le=65_535)
    """Port of the collector or the StatsD server on this machine. With Prometheus, the port of the agent that has
    ``/metrics``: when it is set here, and ``ONEX_HEALTH_PORT`` is not. Then one instance runs on a machine."""
    enable_detailed_metrics: bool = False
    """Use labels, and measure batches of pure nodes. With False labels are dropped."""
    aggregation_interval_ms: int = Field(default=60_000, ge=1_000, le=300_000)
    """Interval of sending to a collector or StatsD. It has no effect on Prometheus."""
    metrics: tuple[ModelDeclaredMetric, ...] = Field(default=(), max_length=100)
    """Metrics with a panel on the dashboard. With any of them, the use of a name that is not declared is an error."""
    max_label_cardinality: int = Field(default=1_000, ge=1, le=100_000)
    """Most sets of labels of one name. Further sets are counted under the label value ``other``."""
    objectives: tuple[ModelObjective, ...] = Field(default=(), max_length=16)
    """Service level objectives, which are measured from the agent's own metrics. Their figures are on ``/metrics``
    with every backend."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        require_different("metrics", (metric.name for metric in self.metrics))
        require_different("objectives", (objective.name for objective in self.objectives))
        return self

    @override
    def unfit_for(self, kind: EnumNodeKind) -> Iterable[Misfit]:
        """Return the objectives that need the latency of single messages, for kinds that work in batches."""
        return unfit_objectives(self.objectives, kind)
