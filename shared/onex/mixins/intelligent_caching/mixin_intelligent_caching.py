"""The mixin that adds a second level, refreshing and invalidation to the cache of a node."""

from typing import Protocol, cast

from onex.capability import (
    Container,
    HealthCheck,
    HealthChecks,
    Mixin,
    NodeIdentity,
    ProtocolCurrentMessage,
    ProtocolEventSink,
    ProtocolTopicFollower,
    Reports,
    SharedResources,
    capability,
    configured,
    define,
)
from onex.capability.health import Watch
from onex.mixins.caching import ProtocolCaching
from onex.mixins.caching.engine import CachingEngine
from onex.mixins.intelligent_caching.engine import IntelligentCachingEngine
from onex.mixins.intelligent_caching.invalidation import Invalidation
from onex.mixins.intelligent_caching.model_intelligent_caching_subcontract import ModelIntelligentCachingSubcontract
from onex.mixins.intelligent_caching.names import Namespace
from onex.mixins.intelligent_caching.protocol_intelligent_caching import ProtocolIntelligentCaching
from onex.mixins.intelligent_caching.second_level import SecondLevel
from onex.util.clock import ProtocolClock

_NAME = "intelligent_caching"


class _Host(Protocol):
    @property
    def container(self) -> Container: ...
    @property
    def cache(self) -> ProtocolCaching: ...


class MixinIntelligentCaching(Mixin):
    """``await self.intelligent_cache.load(key, Price, loader)``; `MixinCaching` is its first level."""

    definition = define(__file__, ModelIntelligentCachingSubcontract)

    @capability
    def intelligent_cache(self: _Host) -> ProtocolIntelligentCaching:
        """The two levels."""
        container, settings = self.container, configured(self, ModelIntelligentCachingSubcontract)
        clock, identity, reports = container.get(ProtocolClock), container.get(NodeIdentity), container.get(Reports)
        name = settings.namespace or f"{identity.prefix}{identity.name}"
        namespace = Namespace(f"{name}:{identity.version or '0'}")
        second = SecondLevel(
            settings, namespace, clock, lambda event, why: reports.report(_NAME, "second level", event, why)
        )
        invalidation = Invalidation(
            settings,
            namespace.name,
            container.get(ProtocolTopicFollower),
            container.get(ProtocolEventSink),
            container.get(ProtocolCurrentMessage),
            clock,
        )
        engine = IntelligentCachingEngine(
            settings,
            cast(CachingEngine, self.cache),
            second,
            invalidation,
            namespace,
            clock,
            container.get(SharedResources),
        )
        container.get(HealthChecks).add(HealthCheck(_NAME, engine.probe, critical=False, watch=Watch()))
        return engine
