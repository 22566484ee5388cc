"""Retries of calls within a handler."""

from onex.mixins.retry.mixin_retry import MixinRetry
from onex.mixins.retry.model_retry_subcontract import EnumRetryBackoff, ModelRetrySubcontract
from onex.mixins.retry.protocol_retry import ProtocolRetry

__all__ = ["EnumRetryBackoff", "MixinRetry", "ModelRetrySubcontract", "ProtocolRetry"]
