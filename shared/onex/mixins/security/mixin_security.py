"""Gives a node its protection."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define
from onex.mixins.security.engine import SecurityEngine
from onex.mixins.security.model_security_subcontract import ModelSecuritySubcontract
from onex.mixins.security.protocol_security import ProtocolSecurity
from onex.util.clock import ProtocolClock


class MixinSecurity(Mixin):
    """``self.security.redact(facts)``; messages with dangerous text are refused by themselves."""

    definition = define(__file__, ModelSecuritySubcontract)

    @capability
    def security(self: ProtocolHost) -> ProtocolSecurity:
        """Cleans, hides, refuses."""
        return SecurityEngine(configured(self, ModelSecuritySubcontract), self.container.get(ProtocolClock))
