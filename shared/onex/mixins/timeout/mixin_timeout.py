"""Gives a node its time limits."""

from onex.capability import Mixin, ProtocolHost, ProtocolInHand, capability, configured, define
from onex.mixins.timeout.engine import TimeoutEngine
from onex.mixins.timeout.model_timeout_subcontract import ModelTimeoutSubcontract
from onex.mixins.timeout.protocol_timeout import ProtocolTimeout
from onex.model.clock import ProtocolClock


class MixinTimeout(Mixin):
    """``await self.limits.call("postgres", work)``."""

    definition = define(__file__, ModelTimeoutSubcontract)

    @capability
    def limits(self: ProtocolHost) -> ProtocolTimeout:
        """Limits by dependency."""
        settings, in_hand = configured(self, ModelTimeoutSubcontract), self.container.get(ProtocolInHand)
        return TimeoutEngine(settings, in_hand, self.container.get(ProtocolClock))
