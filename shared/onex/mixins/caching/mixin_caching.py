"""The mixin that adds a cache to a node."""

from onex.capability import Mixin, ProtocolHost, Shrinkables, capability, configured, define, is_pure
from onex.mixins.caching.engine import CachingEngine, PureCachingEngine
from onex.mixins.caching.model_caching_subcontract import ModelCachingSubcontract
from onex.mixins.caching.protocol_caching import ProtocolCaching
from onex.util.clock import ProtocolClock


class MixinCaching(Mixin):
    """``await self.cache.load(key, Price, loader)``."""

    definition = define(__file__, ModelCachingSubcontract)

    @capability
    def cache(self: ProtocolHost) -> ProtocolCaching:
        """The cache of this process."""
        make = PureCachingEngine if is_pure(self) else CachingEngine
        engine = make(configured(self, ModelCachingSubcontract), self.container.get(ProtocolClock))
        self.container.get(Shrinkables).add("caching", engine)
        return engine
