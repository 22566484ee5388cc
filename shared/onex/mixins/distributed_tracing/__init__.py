"""Distributed tracing: the ONEX name of tracing."""

from onex.mixins.distributed_tracing.mixin_distributed_tracing import MixinDistributedTracing
from onex.mixins.distributed_tracing.model_distributed_tracing_subcontract import ModelDistributedTracingSubcontract

__all__ = ["MixinDistributedTracing", "ModelDistributedTracingSubcontract"]
