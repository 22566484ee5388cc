"""Headers of HTTP responses by which browsers limit what a page may do."""

from onex.mixins.security_headers.middleware import SecurityHeadersMiddleware
from onex.mixins.security_headers.mixin_security_headers import MixinSecurityHeaders
from onex.mixins.security_headers.model_security_headers_subcontract import ModelSecurityHeadersSubcontract
from onex.mixins.security_headers.protocol_security_headers import ProtocolSecurityHeaders

__all__ = [
    "MixinSecurityHeaders",
    "ModelSecurityHeadersSubcontract",
    "ProtocolSecurityHeaders",
    "SecurityHeadersMiddleware",
]
