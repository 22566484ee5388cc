"""Hash computation: an ONEX name of MixinSerialization."""

from onex.mixins.hash_computation.mixin_hash_computation import MixinHashComputation
from onex.mixins.hash_computation.model_hash_computation_subcontract import ModelHashComputationSubcontract

__all__ = ["MixinHashComputation", "ModelHashComputationSubcontract"]
