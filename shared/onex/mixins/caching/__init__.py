"""Caching: answers of slow dependencies, kept for a while."""

from onex.mixins.caching.mixin_caching import MixinCaching
from onex.mixins.caching.model_caching_subcontract import EnumEviction, ModelCachingSubcontract
from onex.mixins.caching.protocol_caching import CacheFacts, ProtocolCaching

__all__ = ["CacheFacts", "EnumEviction", "MixinCaching", "ModelCachingSubcontract", "ProtocolCaching"]
