"""The wrapper of effects that accept only signed messages, and not too many."""

from onex.mixins.hmac_validation import MixinHMACValidation
from onex.mixins.rate_limiting import MixinRateLimiting
from onex.mixins.wrappers.kinds import ModelServiceEffect


class ModelServiceSecureEffect(MixinHMACValidation, MixinRateLimiting, ModelServiceEffect):
    """A ModelServiceEffect that checks signatures of messages and limits their rate."""
