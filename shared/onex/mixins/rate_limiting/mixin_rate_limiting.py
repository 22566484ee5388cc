"""Gives a node its rate limits."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define
from onex.capability.host import PartitionShare
from onex.mixins.rate_limiting.engine import RateLimitingEngine
from onex.mixins.rate_limiting.model_rate_limiting_subcontract import ModelRateLimitingSubcontract
from onex.mixins.rate_limiting.protocol_rate_limiting import ProtocolRateLimiting
from onex.util.clock import ProtocolClock


class MixinRateLimiting(Mixin):
    """``await self.rate.acquire("customer")``; messages need a permit by themselves."""

    definition = define(__file__, ModelRateLimitingSubcontract)

    @capability
    def rate(self: ProtocolHost) -> ProtocolRateLimiting:
        """Permits."""
        settings = configured(self, ModelRateLimitingSubcontract)
        return RateLimitingEngine(settings, self.container.get(ProtocolClock), self.container.get(PartitionShare))
