"""The mixin that adds metrics to a node."""

from functools import partial

from prometheus_client import CollectorRegistry

from onex.capability import Mixin, NodeIdentity, capability, configured, define
from onex.capability.host import ProtocolKindHost
from onex.mixins.metrics.agent_counts import read_counts
from onex.mixins.metrics.backends import backend_of
from onex.mixins.metrics.engine import MetricsEngine
from onex.mixins.metrics.model_metrics_subcontract import ModelMetricsSubcontract
from onex.mixins.metrics.objectives import ObjectiveMonitor
from onex.mixins.metrics.protocol_metrics import ProtocolMetrics
from onex.util.clock import ProtocolClock


class MixinMetrics(Mixin):
    """``self.metrics.increment("cards_charged")``; ``with self.metrics.timer("bank_seconds"): ...``"""

    definition = define(__file__, ModelMetricsSubcontract)

    @capability
    def metrics(self: ProtocolKindHost) -> ProtocolMetrics:
        """Counters, gauges, histograms and timers, and the objectives of the node."""
        settings, identity = configured(self, ModelMetricsSubcontract), self.container.get(NodeIdentity)
        registry = self.container.find(CollectorRegistry) or CollectorRegistry()
        clock = self.container.get(ProtocolClock)
        objectives = ObjectiveMonitor(settings.objectives, partial(read_counts, registry, identity.name), clock)
        return MetricsEngine(settings, backend_of(settings, identity, registry), clock, objectives, self.kind)
