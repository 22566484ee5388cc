"""The mixin that adds a log to a node."""

from onex.capability import Mixin, NodeIdentity, ProtocolCurrentMessage, ProtocolHost, capability, configured, define
from onex.capability.log_lines import LogLines
from onex.mixins.logging.engine import LoggingEngine
from onex.mixins.logging.model_logging_subcontract import ModelLoggingSubcontract
from onex.mixins.logging.protocol_logging import ProtocolLogging
from onex.util.clock import ProtocolClock


class MixinLogging(Mixin):
    """``self.log.info("card charged", order="o-1")``"""

    definition = define(__file__, ModelLoggingSubcontract)

    @capability
    def log(self: ProtocolHost) -> ProtocolLogging:
        """The log of the node."""
        identity, current_message = self.container.get(NodeIdentity), self.container.get(ProtocolCurrentMessage)
        return LoggingEngine(
            configured(self, ModelLoggingSubcontract),
            identity,
            current_message,
            self.container.get(ProtocolClock),
            lines=self.container.get(LogLines),
        )
