"""Effect handlers: one handler for each kind of effect."""

from onex.mixins.effect_handlers.mixin_effect_handlers import MixinEffectHandlers
from onex.mixins.effect_handlers.model_effect_handlers_subcontract import ModelEffectHandlerSubcontract
from onex.mixins.effect_handlers.protocol_effect_handlers import ProtocolEffectHandler, ProtocolEffectHandlers

__all__ = ["MixinEffectHandlers", "ModelEffectHandlerSubcontract", "ProtocolEffectHandler", "ProtocolEffectHandlers"]
