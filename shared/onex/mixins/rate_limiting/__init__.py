"""Rate limits: for an instance, for each key, or for all instances together."""

from onex.mixins.rate_limiting.mixin_rate_limiting import MixinRateLimiting
from onex.mixins.rate_limiting.model_rate_limiting_subcontract import ModelRateLimitingSubcontract
from onex.mixins.rate_limiting.protocol_rate_limiting import ProtocolRateLimiting

__all__ = ["MixinRateLimiting", "ModelRateLimitingSubcontract", "ProtocolRateLimiting"]
