"""The view that adds objectives and error budgets to a node."""

from collections.abc import Mapping

from onex.capability import Mixin, ProtocolHost, capability, define_view, renamed, shared_engine
from onex.mixins.metrics import MixinMetrics, ProtocolMetrics
from onex.mixins.performance_monitoring.model_performance_monitoring_subcontract import (
    ModelPerformanceMonitoringSubcontract,
)


def as_metrics(settings: ModelPerformanceMonitoringSubcontract) -> Mapping[str, object]:
    """Return the set fields under their names in ModelMetricsSubcontract."""
    return renamed(settings, {"objectives": "objectives"})


class MixinPerformanceMonitoring(Mixin):
    """``self.metrics.objectives()[0].budget_remaining``"""

    definition = define_view(__file__, ModelPerformanceMonitoringSubcontract, MixinMetrics, as_metrics)

    @capability
    def metrics(self: ProtocolHost) -> ProtocolMetrics:
        """The metrics of the node, and its objectives."""
        return shared_engine(self, MixinMetrics, ProtocolMetrics)
