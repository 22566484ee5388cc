"""Intelligent caching: a second level in Redis, refreshing ahead of expiry, and invalidation in every instance."""

from onex.util.extras import require_extra

require_extra("redis")

from onex.mixins.intelligent_caching.mixin_intelligent_caching import MixinIntelligentCaching
from onex.mixins.intelligent_caching.model_intelligent_caching_subcontract import (
    ModelIntelligentCachingSubcontract,
    ModelInvalidationRule,
)
from onex.mixins.intelligent_caching.protocol_intelligent_caching import (
    IntelligentCacheFacts,
    ProtocolIntelligentCaching,
)

__all__ = [
    "IntelligentCacheFacts",
    "MixinIntelligentCaching",
    "ModelIntelligentCachingSubcontract",
    "ModelInvalidationRule",
    "ProtocolIntelligentCaching",
]
