"""A compute service with metrics, a cache and a profile."""

from node_high_performance_compute.v1_0_0.models import Spell, Spelled

from onex.mixins.caching import MixinCaching
from onex.mixins.metrics import MixinMetrics
from onex.mixins.profiling import MixinProfiling
from onex.node import NodeCompute


class NodeHighPerformanceCompute(NodeCompute[Spell, Spelled], MixinMetrics, MixinCaching, MixinProfiling):
    """Remembers whole messages."""

    def compute(self, request: Spell) -> Spelled:
        """Return the remembered result of an equal message."""
        self.metrics.increment("spells")
        return self.cache.remember(self._spell, request)

    def _spell(self, request: Spell) -> Spelled:
        with self.profiler.section("spell"):
            return Spelled(text=request.text, backwards=request.text[::-1])
