"""Redaction: an ONEX name of MixinSecurity."""

from onex.mixins.redaction.mixin_redaction import MixinRedaction
from onex.mixins.redaction.model_redaction_subcontract import ModelRedactionSubcontract

__all__ = ["MixinRedaction", "ModelRedactionSubcontract"]
