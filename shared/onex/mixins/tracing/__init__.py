"""Tracing: spans within a handler."""

from onex.mixins.tracing.mixin_tracing import MixinTracing
from onex.mixins.tracing.model_tracing_subcontract import ModelTracingSubcontract
from onex.mixins.tracing.protocol_tracing import ProtocolTracing

__all__ = ["MixinTracing", "ModelTracingSubcontract", "ProtocolTracing"]
