"""The mixin that adds rate limits to a node."""

from onex.capability import Mixin, capability, configured, define
from onex.capability.host import PartitionShare, ProtocolKindHost
from onex.mixins.rate_limiting.engine import RateLimitingEngine
from onex.mixins.rate_limiting.model_rate_limiting_subcontract import ModelRateLimitingSubcontract
from onex.mixins.rate_limiting.protocol_rate_limiting import ProtocolRateLimiting
from onex.util.clock import ProtocolClock


class MixinRateLimiting(Mixin):
    """``await self.rate.acquire("customer")``; messages acquire a permit automatically."""

    definition = define(__file__, ModelRateLimitingSubcontract)

    @capability
    def rate(self: ProtocolKindHost) -> ProtocolRateLimiting:
        """The rate limits."""
        settings, container = configured(self, ModelRateLimitingSubcontract), self.container
        return RateLimitingEngine(settings, container.get(ProtocolClock), container.get(PartitionShare), self.kind)
