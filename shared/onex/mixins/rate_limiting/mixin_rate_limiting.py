"""The mixin that adds rate limits to a node."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define
from onex.capability.host import PartitionShare
from onex.mixins.rate_limiting.engine import RateLimitingEngine
from onex.mixins.rate_limiting.model_rate_limiting_subcontract import ModelRateLimitingSubcontract
from onex.mixins.rate_limiting.protocol_rate_limiting import ProtocolRateLimiting
from onex.util.clock import ProtocolClock


class MixinRateLimiting(Mixin):
    """``await self.rate.acquire("customer")``; messages acquire a permit automatically."""

    definition = define(__file__, ModelRateLimitingSubcontract)

    @capability
    def rate(self: ProtocolHost) -> ProtocolRateLimiting:
        """The rate limits."""
        settings = configured(self, ModelRateLimitingSubcontract)
        return RateLimitingEngine(settings, self.container.get(ProtocolClock), self.container.get(PartitionShare))
