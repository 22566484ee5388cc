"""The view that adds redaction to a node."""

from collections.abc import Mapping

from onex.capability import Mixin, ProtocolHost, capability, define_view, shared_engine
from onex.mixins.redaction.model_redaction_subcontract import ModelRedactionSubcontract
from onex.mixins.security import MixinSecurity, ProtocolSecurity

_NAMES: Mapping[str, str] = {
    "enable_redaction": "enable_redaction",
    "sensitive_field_patterns": "sensitive_field_patterns",
}


class MixinRedaction(Mixin):
    """``self.security.redact(facts)``"""

    definition = define_view(__file__, ModelRedactionSubcontract, MixinSecurity, _NAMES)

    @capability
    def security(self: ProtocolHost) -> ProtocolSecurity:
        """The security checks."""
        return shared_engine(self, MixinSecurity, ProtocolSecurity)
