"""The view that adds objectives and error budgets to a node."""

from collections.abc import Mapping

from onex.capability import Mixin, ProtocolHost, capability, define_view, shared_engine
from onex.mixins.metrics import MixinMetrics, ProtocolMetrics
from onex.mixins.performance_monitoring.model_performance_monitoring_subcontract import (
    ModelPerformanceMonitoringSubcontract,
)

_NAMES: Mapping[str, str] = {"objectives": "objectives"}


class MixinPerformanceMonitoring(Mixin):
    """``self.metrics.objectives()[0].budget_remaining``"""

    definition = define_view(__file__, ModelPerformanceMonitoringSubcontract, MixinMetrics, _NAMES)

    @capability
    def metrics(self: ProtocolHost) -> ProtocolMetrics:
        """The metrics of the node, and its objectives."""
        return shared_engine(self, MixinMetrics, ProtocolMetrics)
