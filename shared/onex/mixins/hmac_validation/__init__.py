"""Signatures of messages and HTTP requests by a shared key (HMAC)."""

from onex.mixins.hmac_validation.mixin_hmac_validation import MixinHMACValidation
from onex.mixins.hmac_validation.model_hmac_validation_subcontract import (
    ModelHmacKey,
    ModelHMACValidationSubcontract,
)
from onex.mixins.hmac_validation.protocol_hmac_validation import ProtocolHMACValidation
from onex.mixins.hmac_validation.signing import MessageSigner, sign

__all__ = [
    "MessageSigner",
    "MixinHMACValidation",
    "ModelHMACValidationSubcontract",
    "ModelHmacKey",
    "ProtocolHMACValidation",
    "sign",
]
