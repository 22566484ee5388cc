"""The mixin that adds effect handlers to a node."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define
from onex.mixins.effect_handlers.engine import EffectHandlersEngine
from onex.mixins.effect_handlers.model_effect_handlers_subcontract import ModelEffectHandlerSubcontract
from onex.mixins.effect_handlers.protocol_effect_handlers import ProtocolEffectHandlers
from onex.util.clock import ProtocolClock


class MixinEffectHandlers(Mixin):
    """``await self.effects.dispatch("resize", picture)``"""

    definition = define(__file__, ModelEffectHandlerSubcontract)

    @capability
    def effects(self: ProtocolHost) -> ProtocolEffectHandlers:
        """The handlers by name."""
        return EffectHandlersEngine(
            configured(self, ModelEffectHandlerSubcontract), self.container.get(ProtocolClock)
        )
