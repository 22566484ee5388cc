"""Time limits of calls within a handler."""

from onex.mixins.timeout.mixin_timeout import MixinTimeout
from onex.mixins.timeout.model_timeout_subcontract import ModelTimeoutService, ModelTimeoutSubcontract
from onex.mixins.timeout.protocol_timeout import ProtocolTimeout

__all__ = ["MixinTimeout", "ModelTimeoutService", "ModelTimeoutSubcontract", "ProtocolTimeout"]
