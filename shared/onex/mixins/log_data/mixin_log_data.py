"""The view that adds log data to a node."""

from collections.abc import Mapping

from onex.capability import Mixin, ProtocolHost, capability, define_view, shared_engine
from onex.mixins.log_data.model_log_data_subcontract import ModelLogDataSubcontract
from onex.mixins.logging import MixinLogging, ProtocolLogging

_NAMES: Mapping[str, str] = {
    "log_level": "log_level",
    "include_correlation_id": "enable_correlation_tracking",
    "redact_sensitive_fields": "enable_log_redaction",
}


class MixinLogData(Mixin):
    """``self.log.info("card charged", order="o-1")``"""

    definition = define_view(__file__, ModelLogDataSubcontract, MixinLogging, _NAMES)

    @capability
    def log(self: ProtocolHost) -> ProtocolLogging:
        """The log of the node."""
        return shared_engine(self, MixinLogging, ProtocolLogging)
