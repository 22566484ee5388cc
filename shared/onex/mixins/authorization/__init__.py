"""Authorization: rules by role and attribute."""

from onex.mixins.authorization.mixin_authorization import MixinAuthorization
from onex.mixins.authorization.model_authorization_subcontract import (
    EnumTest,
    EnumVerdict,
    ModelAuthorizationRule,
    ModelAuthorizationSubcontract,
    ModelAuthorizationTest,
)
from onex.mixins.authorization.protocol_authorization import ProtocolAuthorization

__all__ = [
    "EnumTest",
    "EnumVerdict",
    "MixinAuthorization",
    "ModelAuthorizationRule",
    "ModelAuthorizationSubcontract",
    "ModelAuthorizationTest",
    "ProtocolAuthorization",
]
