"""Security: checks of text, redaction of secrets, tokens for forms."""

from onex.mixins.security.mixin_security import MixinSecurity
from onex.mixins.security.model_security_subcontract import ModelSecuritySubcontract
from onex.mixins.security.protocol_security import ProtocolSecurity

__all__ = ["MixinSecurity", "ModelSecuritySubcontract", "ProtocolSecurity"]
