"""The mixin that adds time limits to a node."""

from onex.capability import Mixin, ProtocolCurrentMessage, ProtocolHost, capability, configured, define
from onex.mixins.timeout.engine import TimeoutEngine
from onex.mixins.timeout.model_timeout_subcontract import ModelTimeoutSubcontract
from onex.mixins.timeout.protocol_timeout import ProtocolTimeout
from onex.util.clock import ProtocolClock


class MixinTimeout(Mixin):
    """``await self.limits.call("postgres", work)``."""

    definition = define(__file__, ModelTimeoutSubcontract)

    @capability
    def limits(self: ProtocolHost) -> ProtocolTimeout:
        """The time limits by dependency."""
        settings, current_message = (
            configured(self, ModelTimeoutSubcontract),
            self.container.get(ProtocolCurrentMessage),
        )
        return TimeoutEngine(settings, current_message, self.container.get(ProtocolClock))
