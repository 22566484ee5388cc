"""Gives a node its log."""

from onex.capability import Mixin, NodeIdentity, ProtocolHost, ProtocolInHand, capability, configured, define
from onex.mixins.logging.engine import LoggingEngine
from onex.mixins.logging.model_logging_subcontract import ModelLoggingSubcontract
from onex.mixins.logging.protocol_logging import ProtocolLogging
from onex.model.clock import ProtocolClock


class MixinLogging(Mixin):
    """``self.log.info("card charged", order="o-1")``"""

    definition = define(__file__, ModelLoggingSubcontract)

    @capability
    def log(self: ProtocolHost) -> ProtocolLogging:
        """Writes lines."""
        identity, in_hand = self.container.get(NodeIdentity), self.container.get(ProtocolInHand)
        return LoggingEngine(
            configured(self, ModelLoggingSubcontract), identity, in_hand, self.container.get(ProtocolClock)
        )
