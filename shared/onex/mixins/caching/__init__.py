"""Caching: results of slow dependencies, stored for a limited time."""

from onex.mixins.caching.awaitable import AwaitableCache
from onex.mixins.caching.mixin_caching import MixinCaching
from onex.mixins.caching.model_caching_subcontract import EnumEviction, ModelCachingSubcontract
from onex.mixins.caching.protocol_caching import CacheFacts, ProtocolCaching

__all__ = [
    "AwaitableCache",
    "CacheFacts",
    "EnumEviction",
    "MixinCaching",
    "ModelCachingSubcontract",
    "ProtocolCaching",
]
