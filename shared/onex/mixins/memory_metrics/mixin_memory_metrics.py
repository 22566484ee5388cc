"""The view that adds figures of memory to a node."""

from collections.abc import Mapping

from onex.capability import Mixin, ProtocolHost, capability, define_view, renamed, shared_engine
from onex.mixins.memory_management import MixinMemoryManagement, ProtocolMemoryManagement
from onex.mixins.memory_metrics.model_memory_metrics_subcontract import ModelMemoryMetricsSubcontract


def as_memory_management(settings: ModelMemoryMetricsSubcontract) -> Mapping[str, object]:
    """Return the set fields under their names in ModelMemoryManagementSubcontract. The name itself asks for figures,
    so their switches are always set."""
    return {
        **renamed(settings, {"budget_mb": "budget_mb"}),
        "cache_figures": settings.include_caches,
        "collector_figures": settings.include_collector,
    }


class MixinMemoryMetrics(Mixin):
    """``self.memory.facts().resident_bytes``"""

    definition = define_view(__file__, ModelMemoryMetricsSubcontract, MixinMemoryManagement, as_memory_management)

    @capability
    def memory(self: ProtocolHost) -> ProtocolMemoryManagement:
        """The memory of the node."""
        return shared_engine(self, MixinMemoryManagement, ProtocolMemoryManagement)
