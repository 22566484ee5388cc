"""A compute service with health, metrics, a cache, events and retries."""

from typing import ClassVar

from node_robust_compute.v1_0_0.models import ComputationCompleted, Square, Squared

from onex.errors import OutageError, RejectedError
from onex.mixins.caching import MixinCaching
from onex.mixins.event_bus import MixinEventBus
from onex.mixins.health_check import MixinHealthCheck
from onex.mixins.metrics import MixinMetrics
from onex.mixins.retry import MixinRetry
from onex.node import NodeCompute

LARGEST = 1_000_000


class NodeRobustCompute(
    NodeCompute[Square, Squared], MixinHealthCheck, MixinMetrics, MixinCaching, MixinEventBus, MixinRetry
):
    """Computes each square once."""

    computed: ClassVar[list[int]] = []
    """The numbers of the computations that ran, for tests."""

    def compute(self, request: Square) -> Squared:
        """Square the number."""
        if not self.health.is_healthy():
            raise OutageError(f"unhealthy: {self.health.facts().reason}")
        with self.metrics.timer("compute_duration"):
            hits = self.cache.facts().hits
            result = self.cache.remember(self._square, request.number)
            self.metrics.increment("cache_hits", self.cache.facts().hits - hits)
            self.event_bus.emit(ComputationCompleted(name=request.name, number=request.number))
            if request.name == "last":
                raise RejectedError("refused after its event")
            return Squared(name=request.name, result=result)

    def _square(self, number: int) -> int:
        return self.retry.call_pure(self._execute, number)

    def _execute(self, number: int) -> int:
        self.computed.append(number)
        if abs(number) > LARGEST:
            raise RejectedError("too large")
        return number * number
