"""The mixin that adds a cache to a node."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define
from onex.mixins.caching.engine import CachingEngine
from onex.mixins.caching.model_caching_subcontract import ModelCachingSubcontract
from onex.mixins.caching.protocol_caching import ProtocolCaching
from onex.util.clock import ProtocolClock


class MixinCaching(Mixin):
    """``await self.cache.load(key, Price, loader)``."""

    definition = define(__file__, ModelCachingSubcontract)

    @capability
    def cache(self: ProtocolHost) -> ProtocolCaching:
        """The cache of this process."""
        return CachingEngine(configured(self, ModelCachingSubcontract), self.container.get(ProtocolClock))
