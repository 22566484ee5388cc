"""The mixin that adds metrics to a node."""

from prometheus_client import CollectorRegistry

from onex.capability import Mixin, NodeIdentity, ProtocolHost, capability, configured, define
from onex.mixins.metrics.backends import backend_of
from onex.mixins.metrics.engine import MetricsEngine
from onex.mixins.metrics.model_metrics_subcontract import ModelMetricsSubcontract
from onex.mixins.metrics.protocol_metrics import ProtocolMetrics
from onex.util.clock import ProtocolClock


class MixinMetrics(Mixin):
    """``self.metrics.increment("cards_charged")``; ``with self.metrics.timer("bank_seconds"): ...``"""

    definition = define(__file__, ModelMetricsSubcontract)

    @capability
    def metrics(self: ProtocolHost) -> ProtocolMetrics:
        """Counters, gauges, histograms and timers."""
        settings, identity = configured(self, ModelMetricsSubcontract), self.container.get(NodeIdentity)
        registry = self.container.find(CollectorRegistry) or CollectorRegistry()
        return MetricsEngine(settings, backend_of(settings, identity, registry), self.container.get(ProtocolClock))
