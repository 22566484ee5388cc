"""Authentication: the sender of a message, by token or certificate."""

from onex.mixins.authentication.mixin_authentication import MixinAuthentication
from onex.mixins.authentication.model_authentication_subcontract import ModelAuthenticationSubcontract
from onex.mixins.authentication.protocol_authentication import Principal, ProtocolAuthentication

__all__ = ["MixinAuthentication", "ModelAuthenticationSubcontract", "Principal", "ProtocolAuthentication"]
