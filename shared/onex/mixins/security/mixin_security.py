"""The mixin that adds security checks to a node."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define
from onex.mixins.security.engine import SecurityEngine
from onex.mixins.security.model_security_subcontract import ModelSecuritySubcontract
from onex.mixins.security.protocol_security import ProtocolSecurity
from onex.util.clock import ProtocolClock


class MixinSecurity(Mixin):
    """``self.security.redact(facts)``; messages with dangerous text are refused automatically."""

    definition = define(__file__, ModelSecuritySubcontract)

    @capability
    def security(self: ProtocolHost) -> ProtocolSecurity:
        """The security checks."""
        return SecurityEngine(configured(self, ModelSecuritySubcontract), self.container.get(ProtocolClock))
