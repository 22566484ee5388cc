"""The mixin that adds security headers to a node."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define
from onex.mixins.security_headers.engine import SecurityHeadersEngine
from onex.mixins.security_headers.model_security_headers_subcontract import ModelSecurityHeadersSubcontract
from onex.mixins.security_headers.protocol_security_headers import ProtocolSecurityHeaders


class MixinSecurityHeaders(Mixin):
    """``self.security_headers.merged({"content-type": "application/json"})``"""

    definition = define(__file__, ModelSecurityHeadersSubcontract)

    @capability
    def security_headers(self: ProtocolHost) -> ProtocolSecurityHeaders:
        """The headers."""
        return SecurityHeadersEngine(configured(self, ModelSecurityHeadersSubcontract))
